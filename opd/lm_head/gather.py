"""Support logits by gathering rows, a few positions at a time: for large vocabularies on a CPU.

Gathering all rows at once would hold (N, K, d), nearly as much as the logits that it replaces, so the
gathered block is bounded and lives in cache.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from opd.lm_head.product import accumulation_dtype, blocks

_BLOCK_BYTES = 8 * 2**20


def forward(states: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
    """(N, K) float32 inner products of states (N, d) with the rows ids (N, K) of weight (V, d)."""
    logits = states.new_empty(ids.shape, dtype=accumulation_dtype(states))
    for part in _blocks(ids, weight):
        rows = weight[ids[part]].to(logits.dtype)
        torch.bmm(rows, states[part].to(logits.dtype)[:, :, None], out=logits[part][:, :, None])
    return logits


def state_gradient(gradient: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
    """(N, d) sum over k of gradient[n, k] x weight[ids[n, k]]."""
    result = gradient.new_empty(len(ids), weight.shape[1])
    for part in _blocks(ids, weight):
        rows = weight[ids[part]].to(gradient.dtype)
        torch.bmm(gradient[part][:, None], rows, out=result[part][:, None])
    return result


def weight_gradient(gradient: Tensor, states: Tensor, ids: Tensor, vocabulary_size: int) -> Tensor:
    """(V, d) sum over the (n, k) with ids[n, k] = v of gradient[n, k] x states[n]."""
    result = gradient.new_zeros(vocabulary_size, states.shape[1])
    for part in _blocks(ids, states):
        products = gradient[part][:, :, None] * states[part].to(gradient.dtype)[:, None]
        result.index_add_(0, ids[part].flatten(), products.flatten(0, 1))
    return result


def _blocks(ids: Tensor, rows: Tensor) -> Iterator[slice]:
    """Consecutive positions whose (n, K, d) block in float32 stays within the bound."""
    return blocks(len(ids), ids.shape[1] * rows.shape[1], _BLOCK_BYTES)
