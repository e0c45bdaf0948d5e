"""What a task is to the training loop."""

from typing import Protocol

from opd.experience import Experience
from opd.rollout.engine import Engine


class Task(Protocol):
    """A source of prompts that judges what the student makes of them."""

    def collect(self, engine: Engine, seed: int, draw: int) -> Experience:
        """The engine's responses, which have `log_probs`, a function of (its model, seed, draw), on the CPU.

        `draw` counts the draws of the task's problems or games, which tasks may share
        (`opd.teaching.TaughtTask.draw`). Methods that share a seed see the same prompts and the same random
        streams.
        """
        ...

    def describe(self) -> dict[str, str | int]:
        """What its data state of themselves: name, version or checksum."""
        ...

    def close(self) -> None:
        """End what was started for the task."""
        ...
