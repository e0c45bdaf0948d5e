"""What a task is to the training loop."""

from typing import Protocol

from opd.experience import Experience
from opd.rollout.engine import TrainingEngine


class Task(Protocol):
    """A source of prompts that judges what the student makes of them."""

    def collect(self, engine: TrainingEngine, seed: int, step: int) -> Experience:
        """The engine's responses, a function of (its model, seed, step), on the CPU.

        `step` counts this task's own steps. Methods that share a seed see the same prompts and the same
        random streams.
        """
        ...

    def describe(self) -> dict[str, str | int]:
        """What its data state of themselves: name, version or checksum."""
        ...

    def close(self) -> None:
        """End what was started for the task."""
        ...
