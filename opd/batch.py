"""Token batches that remember which positions were generated."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor


class _Extent(NamedTuple):
    """Some sequences: their number, and that of their real tokens, which lie in the columns [first, end)."""

    sequences: int
    real: int
    first: int
    end: int

    def joined(self, other: "_Extent") -> "_Extent":
        """The extent of both together."""
        return _Extent(
            self.sequences + other.sequences,
            self.real + other.real,
            min(self.first, other.first),
            max(self.end, other.end),
        )

    def size(self, packed: bool) -> int:
        """How many tokens a model computes on that reads them."""
        return self.real if packed else self.sequences * (self.end - self.first)


@dataclass(frozen=True)
class TokenBatch:
    """B sequences of L token ids; losses and scores live on the N generated positions.

    `tokens` (B, L) long; `attention` (B, L) bool, true on real tokens; `generated` (B, L) bool,
    true where the model being trained wrote the token (or, in supervised training, should). The
    first real token of a sequence is never generated. "Position" means a generated one, counted
    row by row: all (N,) tensors of this project are in that order. `packed` says that models read the
    sequences in one row, one after the other, without padding (`opd.scoring.compare.hidden_states`).
    `privileged` are the same responses after prompts that only a teacher reads; None: it reads these.
    """

    tokens: Tensor
    attention: Tensor
    generated: Tensor
    packed: bool = False
    privileged: "TokenBatch | None" = None

    @property
    def as_the_teacher_reads(self) -> "TokenBatch":
        """The same positions, after the teacher's prompts."""
        return self if self.privileged is None else replace(self.privileged, packed=self.packed)

    @property
    def positions(self) -> Tensor:
        """(B, L) rotary positions, from 0 at the first real token of each sequence."""
        return (self.attention.long().cumsum(-1) - 1).clamp(min=0)

    @property
    def sampled(self) -> Tensor:
        """(N,) generated token ids."""
        return self.tokens[self.generated]

    @property
    def predictors(self) -> Tensor:
        """(B, L) bool: positions whose output predicts a generated token (one to its left)."""
        return torch.nn.functional.pad(self.generated[:, 1:], (0, 1))

    @property
    def sequence(self) -> Tensor:
        """(N,) index of the sequence that each position belongs to."""
        return self.generated.nonzero()[:, 0]

    @property
    def offset(self) -> Tensor:
        """(N,) how many positions of the same sequence come before each position."""
        return (self.generated.long().cumsum(-1) - 1)[self.generated]

    @property
    def lengths(self) -> Tensor:
        """(B,) number of generated tokens per sequence."""
        return self.generated.sum(-1)

    def prompt(self, row: int) -> list[int]:
        """Token ids of one sequence's prompt, without padding."""
        return self.tokens[row][self.attention[row] & ~self.generated[row]].tolist()

    def response(self, row: int) -> list[int]:
        """Token ids that were generated in one sequence, the end token included."""
        return self.tokens[row][self.generated[row]].tolist()

    def to(self, device: torch.device) -> "TokenBatch":
        """The batch on a device."""
        tokens, attention, generated = (x.to(device) for x in (self.tokens, self.attention, self.generated))
        privileged = self.privileged and self.privileged.to(device)
        return TokenBatch(tokens, attention, generated, self.packed, privileged)

    def rows(self, index: Tensor) -> "TokenBatch":
        """The sequences of `index` (b,), without the columns that are padding in all of them."""
        attention = self.attention[index]
        used = attention.any(0).nonzero()[:, 0]
        columns = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0)
        return TokenBatch(
            self.tokens[index][:, columns],
            attention[:, columns],
            self.generated[index][:, columns],
            self.packed,
            self.privileged and self.privileged.rows(index),
        )

    def split(self, tokens: int) -> Iterator["TokenBatch"]:
        """Consecutive sequences in parts of at most `tokens` tokens (or one sequence); none of none.

        Padding counts, as models compute on it, unless the batch is packed. Where a teacher's own prompts
        are the longer ones, they count.

        The parts hold the positions in order: their (n,) results concatenate to (N,). Sequences
        sorted by length waste the least padding.
        """
        if not len(self.tokens):
            return
        readings = [self] if self.privileged is None else [self, self.as_the_teacher_reads]
        start, part = 0, None
        for row, here in enumerate(zip(*(reading._extents() for reading in readings), strict=True)):
            grown = tuple(map(_Extent.joined, part, here)) if part else here
            if row > start and max(extent.size(self.packed) for extent in grown) > tokens:
                yield self.rows(torch.arange(start, row, device=self.tokens.device))
                start, grown = row, here
            part = grown
        yield self.rows(torch.arange(start, len(self.tokens), device=self.tokens.device))

    def _extents(self) -> Iterator[_Extent]:
        """The extent of each sequence alone, in order."""
        first = self.attention.long().argmax(-1)
        end = self.tokens.shape[1] - self.attention.flip(-1).long().argmax(-1)
        columns = (column.tolist() for column in (self.attention.sum(-1), first, end))
        return (_Extent(1, *each) for each in zip(*columns, strict=True))


def aligned(pairs: list[tuple[list[int], list[int]]], pad_id: int) -> TokenBatch:
    """As `from_pairs`, but with prompts padded on the left, so that all responses begin in one column."""
    start = max(len(prompt) for prompt, _ in pairs)
    padded = [([pad_id] * (start - len(prompt)) + prompt, response) for prompt, response in pairs]
    batch = from_pairs(padded, pad_id)
    padding = torch.tensor([start - len(prompt) for prompt, _ in pairs])
    real = torch.arange(batch.tokens.shape[1]) >= padding[:, None]
    return TokenBatch(batch.tokens, batch.attention & real, batch.generated)


def from_pairs(pairs: list[tuple[list[int], list[int]]], pad_id: int) -> TokenBatch:
    """A right-padded batch from (prompt ids, response ids) pairs; the responses count as generated."""
    length = max(len(prompt) + len(response) for prompt, response in pairs)
    tokens = torch.full((len(pairs), length), pad_id)
    attention = torch.zeros(len(pairs), length, dtype=torch.bool)
    generated = torch.zeros(len(pairs), length, dtype=torch.bool)
    for row, (prompt, response) in enumerate(pairs):
        end = len(prompt) + len(response)
        tokens[row, :end] = torch.tensor(prompt + response)
        attention[row, :end] = True
        generated[row, len(prompt) : end] = True
    return TokenBatch(tokens, attention, generated)
