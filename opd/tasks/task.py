"""What a task is to the training loop."""

from typing import Protocol

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from opd.experience import Experience


class Task(Protocol):
    """A source of prompts that judges what the student makes of them."""

    def collect(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, seed: int, step: int
    ) -> Experience:
        """Responses of the model, a function of (model, seed, step); `step` counts this task's own steps.

        Methods that share a seed see the same prompts and the same random streams.
        """
        ...

    def describe(self) -> dict[str, str | int]:
        """What its data state of themselves: name, version or checksum."""
        ...

    def close(self) -> None:
        """End what was started for the task."""
        ...
