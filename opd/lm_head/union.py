"""Support logits by one matrix product per block over the union of its supports.

Neighbouring positions share much of their supports, so the union of a block is far smaller than the
sum, and a matrix product over it runs at the accelerator's full speed.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from opd.lm_head import product

# Positions per block: enough for an efficient product, few enough that the union stays small.
_BLOCK = 1024


def forward(states: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
    """(N, K) float32 inner products of states (N, d) with the rows ids (N, K) of weight (V, d)."""
    parts = [
        product.forward(states[part], weight[tokens]).gather(-1, place)
        for part, tokens, place in _blocks(ids)
    ]
    return torch.cat(parts) if parts else states.new_zeros(ids.shape)


def state_gradient(gradient: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
    """(N, d) sum over k of gradient[n, k] x weight[ids[n, k]]."""
    parts = [
        product.state_gradient(product.spread(gradient[part], place, len(tokens)), weight[tokens])
        for part, tokens, place in _blocks(ids)
    ]
    return torch.cat(parts) if parts else gradient.new_zeros(0, weight.shape[1])


def weight_gradient(gradient: Tensor, states: Tensor, ids: Tensor, vocabulary_size: int) -> Tensor:
    """(V, d) sum over the (n, k) with ids[n, k] = v of gradient[n, k] x states[n]."""
    result = gradient.new_zeros(vocabulary_size, states.shape[1])
    for part, tokens, place in _blocks(ids):
        spread = product.spread(gradient[part], place, len(tokens))
        result.index_add_(0, tokens, product.row_gradient(spread, states[part]))
    return result


def _blocks(ids: Tensor) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """(positions, distinct tokens, place of each id among them) block by block."""
    for start in range(0, len(ids), _BLOCK):
        part = slice(start, start + _BLOCK)
        tokens, place = ids[part].unique(return_inverse=True)
        yield part, tokens, place
