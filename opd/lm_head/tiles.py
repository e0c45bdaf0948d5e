"""The whole head in tiles: statistics over the vocabulary, and losses that need the normaliser."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor

from opd.lm_head import product
from opd.lm_head.head import Head, raw_logits
from opd.support import top_k

# Bytes of a tile of float32 logits; a backward pass through `recomputed` holds about three. Smaller tiles
# cost time where the head is trained, as each adds to the gradient of the whole weight.
_TILE_BYTES = 128 * 2**20
_POSITIONS = 4096


class Statistics(NamedTuple):
    """Of N positions: the k largest logits with their ids, log-sum-exp and entropy, in nats."""

    top_ids: Tensor
    top_logits: Tensor
    log_normaliser: Tensor
    entropy: Tensor


@torch.no_grad()
def statistics(head: Head, states: Tensor, k: int) -> Statistics:
    """One pass over the vocabulary in tiles, from running top k, log-sum-exp and mean logit. No gradient.

    Ties among the k largest go to the smaller id, whatever the tiling.
    """
    parts = [_statistics(head, part, k) for part in states.split(_POSITIONS)]
    return Statistics(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _statistics(head: Head, states: Tensor, k: int) -> Statistics:
    width = max(k, _TILE_BYTES // (4 * max(1, len(states))))
    total: _Running | None = None
    for first in range(0, head.vocabulary_size, width):
        logits = head.logits(states, first, min(first + width, head.vocabulary_size))
        tile = _of_tile(logits, first, k)
        total = tile if total is None else _merge(total, tile, k)
    assert total is not None
    entropy = total.log_normaliser - total.mean_logit
    return Statistics(total.top_ids, total.top_logits, total.log_normaliser, entropy)


class _Running(NamedTuple):
    """Of the logits seen so far: the k largest with their ids, log-sum-exp and mean under the softmax."""

    top_ids: Tensor
    top_logits: Tensor
    log_normaliser: Tensor
    mean_logit: Tensor


def _of_tile(logits: Tensor, first: int, k: int) -> _Running:
    ids = top_k(logits, min(k, logits.shape[-1]))
    log_normaliser = logits.logsumexp(-1)
    mean_logit = ((logits - log_normaliser[:, None]).exp() * logits).sum(-1)
    return _Running(ids + first, logits.gather(-1, ids), log_normaliser, mean_logit)


def _merge(total: _Running, tile: _Running, k: int) -> _Running:
    logits = torch.cat([total.top_logits, tile.top_logits], -1)
    ids = torch.cat([total.top_ids, tile.top_ids], -1)
    order = logits.sort(dim=-1, descending=True, stable=True).indices[:, :k]
    log_normaliser = total.log_normaliser.logaddexp(tile.log_normaliser)
    mean_logit = (total.log_normaliser - log_normaliser).exp() * total.mean_logit
    mean_logit = mean_logit + (tile.log_normaliser - log_normaliser).exp() * tile.mean_logit
    return _Running(ids.gather(-1, order), logits.gather(-1, order), log_normaliser, mean_logit)


def recomputed(loss: Callable[..., Tensor], head: Head, states: Tensor, *per_position: Tensor) -> Tensor:
    """(N,) losses that need all of log p, N above 0, with the (n, V) logits recomputed in the backward pass.

    `loss(log_p, *rest)` gets (n, V) float32 log-probabilities of n consecutive positions and the same
    positions of every tensor in `per_position`, and returns (n, ...). Gradients reach the states and the
    head's parameters alone; the parameters' are summed over the tiles in float32, which takes as much
    memory as the weight would in float32.
    """

    def of_tile(part: slice, raw: Callable[[], Tensor]) -> Tensor:
        # Made here, so that nothing holds the raw logits while the loss is computed.
        return loss(head.finish(raw()).log_softmax(-1), *(each[part] for each in per_position))

    tiles = list(product.blocks(len(states), head.vocabulary_size, _TILE_BYTES))
    return _Recomputed.apply(of_tile, tiles, *chain.from_iterable(head.factors(states)))


class _Recomputed(torch.autograd.Function):
    """Losses of the raw logits sum_i x_i R_i^T, tile by tile; `factors` are x_1, R_1, x_2, R_2, ..."""

    @staticmethod
    def forward(ctx: Any, of_tile: Callable[..., Tensor], tiles: list[slice], *factors: Tensor) -> Tensor:
        ctx.save_for_backward(*factors)
        ctx.of_tile, ctx.tiles = of_tile, tiles
        inputs, rows = factors[::2], factors[1::2]
        return torch.cat(
            [of_tile(part, partial(raw_logits, [x[part] for x in inputs], rows)) for part in tiles]
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inputs, rows = ctx.saved_tensors[::2], ctx.saved_tensors[1::2]
        wanted = ctx.needs_input_grad[2:]
        summands = list(map(_Summand, inputs, rows, wanted[::2], wanted[1::2]))
        # The last tile first, as autograd itself would: the order of a sum decides its last bits.
        for part in reversed(ctx.tiles):
            here = [x[part] for x in inputs]
            # Not named: the next tile would be made beside it.
            _add(summands, part, _raw_gradient(partial(ctx.of_tile, part), here, rows, gradients[0][part]))
        return None, None, *chain.from_iterable(summand.gradients() for summand in summands)


def _raw_gradient(
    of_tile: Callable[..., Tensor], inputs: Sequence[Tensor], rows: Sequence[Tensor], gradient: Tensor
) -> Tensor:
    """(n, V) gradient to the raw logits.

    Taken as that to zeros which are added to them, so that autograd need not hold the logits themselves.
    """
    dtype = product.accumulation_dtype(inputs[0])
    zeros = inputs[0].new_zeros((), dtype=dtype).expand(len(inputs[0]), len(rows[0])).requires_grad_()
    with torch.enable_grad():
        losses = of_tile(lambda: raw_logits(inputs, rows).add_(zeros))
    return torch.autograd.grad(losses, zeros, gradient)[0]


def _add(summands: Sequence["_Summand"], part: slice, gradient: Tensor) -> None:
    for summand in summands:
        summand.add(part, gradient)


class _Summand:
    """The gradients to one summand's inputs (N, r) and rows (V, r), where they are wanted."""

    def __init__(self, inputs: Tensor, rows: Tensor, for_inputs: bool, for_rows: bool) -> None:
        self._inputs, self._rows = inputs, rows
        self._of_inputs = torch.empty_like(inputs) if for_inputs else None
        dtype = product.accumulation_dtype(rows)
        self._of_rows = torch.zeros_like(rows, dtype=dtype) if for_rows else None

    def add(self, part: slice, gradient: Tensor) -> None:
        """Those of a tile, from the gradient (n, V) to its raw logits."""
        if self._of_inputs is not None:
            self._of_inputs[part] = product.state_gradient(gradient, self._rows)
        if self._of_rows is not None:
            product.add_row_gradient(self._of_rows, gradient, self._inputs[part])

    def gradients(self) -> tuple[Tensor | None, Tensor | None]:
        """In the precision of inputs and rows."""
        rounded = None if self._of_rows is None else self._of_rows.to(self._rows.dtype)
        return self._of_inputs, rounded
