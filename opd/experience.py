"""What a step trains on: responses, and what came of them."""

from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

from opd.batch import TokenBatch


@dataclass(frozen=True)
class Experience:
    """B responses, one row each, and how they belong together.

    An episode is one answered problem or one played game; it has a response per turn. All tensors but
    `batch` are (B,): `finished` is true where the end token came before the cap; `episode`, `turn` (from 0)
    and `group` (episodes of the same problem or game) are numbers; `state` is the same number for rows of
    one group that answer the same situation; `reward` is what the environment gave right after the
    response, 1 for a right answer or a won game, else 0; `valid` says that the response kept to the form
    that its environment can read. `metrics` are the task's own, by their names in `opd.metrics`.
    """

    batch: TokenBatch
    finished: Tensor
    episode: Tensor
    turn: Tensor
    group: Tensor
    state: Tensor
    reward: Tensor
    valid: Tensor
    metrics: dict[str, float] = field(default_factory=dict)

    def rows(self, index: Tensor) -> "Experience":
        """The responses of `index` (b,), in its order."""
        tensors = [each.name for each in fields(self) if each.name not in ("batch", "metrics")]
        chosen = {name: getattr(self, name)[index] for name in tensors}
        return replace(self, batch=self.batch.rows(index), **chosen)

    def shortest_first(self) -> "Experience":
        """The same responses by length of prompt and response, so that little padding is computed on."""
        return self.rows(self.batch.attention.sum(-1).argsort(stable=True))


def numbers(labels: list, device: torch.device) -> Tensor:
    """(B,) the place of each label among the distinct ones, in order of first occurrence."""
    places = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    return torch.tensor([places[label] for label in labels], device=device)
