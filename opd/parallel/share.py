"""Which responses of a step each rank computes, minibatch by minibatch."""

from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from opd.parallel import ranks
from programs.errors import UserError

Columns = TypeVar("Columns")


@dataclass(frozen=True)
class Share:
    """B responses in order of length, divided into minibatches, and each of these among the ranks.

    `minibatch` (B,) and `owner` (B,) are numbers of minibatches and ranks. Minibatches are alike in length,
    and so are the ranks' parts of one.
    """

    minibatches: int
    minibatch: Tensor
    owner: Tensor

    @property
    def rows(self) -> Tensor:
        """(b,) this rank's responses."""
        return (self.owner == ranks.rank()).nonzero()[:, 0]

    def part(self, number: int) -> Tensor:
        """(b,) bool: which of this rank's responses are in the minibatch of that number."""
        return self.minibatch[self.rows] == number


def divide(responses: int, minibatch_size: int, device: torch.device) -> Share:
    """Minibatches of about `minibatch_size` of the B responses, shared by all ranks.

    UserError if there are fewer responses than ranks: one without any has nothing to score.
    """
    if responses < ranks.count():
        raise UserError(
            f"a step of {responses} responses cannot be shared by {ranks.count()} processes; start fewer, or "
            f"raise rollout.prompts or rollout.samples_per_prompt"
        )
    count = max(1, round(responses / minibatch_size))
    row = torch.arange(responses, device=device)
    # Responses come shortest first. Each minibatch takes every count-th of them, so all have about the same
    # lengths, and within one, lengths ascend.
    minibatch, place = row % count, row // count
    before = minibatch * (responses // count) + minibatch.clamp(max=responses % count)
    return Share(count, minibatch, (before + place) % ranks.count())


def assemble(record: Columns, owner: Tensor) -> Columns:
    """The whole step's record of (N,) float tensors from the ranks' own; `owner` (N,) of each position."""
    if ranks.count() == 1:
        return record
    columns = torch.stack(list(vars(record).values()), -1)
    sizes = owner.bincount(minlength=ranks.count()).tolist()
    whole = columns.new_empty(len(owner), columns.shape[1])
    for number, part in enumerate(ranks.concatenated(columns, sizes)):
        whole[owner == number] = part
    return type(record)(*whole.unbind(-1))
