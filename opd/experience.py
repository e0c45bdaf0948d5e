"""What a step trains on: responses, and what came of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from opd.batch import TokenBatch


@dataclass(frozen=True)
class Experience:
    """B responses, one row each, and how they belong together.

    An episode is one answered problem or one played game; it has a response per turn. `rollout_log_prob`
    (N,) is what the engine says of the batch's positions, in nats: log p(y) at temperature 1 and over the
    whole vocabulary. All other tensors are (B,): `finished` is true where the end token came before the
    cap; `episode`, `turn` (from 0) and `group` (episodes of the same problem or game) are numbers; `state`
    is the same number for rows of one group that answer the same situation; `reward` is what the
    environment gave right after the response, 1 for a right answer or a won game, else 0; `valid` says
    that the response kept to the form that its environment can read, which every answer to a problem does:
    one without a final answer is wrong. `metrics` are the task's own, by their names in
    `opd.diagnostics.metrics`.
    """

    batch: TokenBatch
    rollout_log_prob: Tensor
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
        chosen = {name: value[index] for name, value in self._per_response().items()}
        of_row = self.rollout_log_prob.split(self.batch.lengths.tolist())
        log_prob = torch.cat([of_row[row] for row in index.tolist()])
        return replace(self, batch=self.batch.rows(index), rollout_log_prob=log_prob, **chosen)

    def to(self, device: torch.device) -> "Experience":
        """The same on a device."""
        moved = {name: value.to(device) for name, value in self._per_response().items()}
        log_prob = self.rollout_log_prob.to(device)
        return replace(self, batch=self.batch.to(device), rollout_log_prob=log_prob, **moved)

    def shortest_first(self) -> "Experience":
        """The same responses by length of prompt and response, so that little padding is computed on."""
        return self.rows(self.batch.attention.sum(-1).argsort(stable=True))

    def _per_response(self) -> dict[str, Any]:
        others = ("batch", "rollout_log_prob", "metrics")
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in others}


def numbers(labels: list) -> Tensor:
    """(B,) the place of each label among the distinct ones, in order of first occurrence."""
    places = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    return torch.tensor([places[label] for label in labels])


def joined(log_probs: Iterable[Sequence[float]]) -> Tensor:
    """(N,) log-probabilities of responses, one after the other, in float32."""
    return torch.tensor(list(chain.from_iterable(log_probs)), dtype=torch.float32)
