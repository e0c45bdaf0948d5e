"""Support logits from the whole vocabulary, some positions at a time: for small vocabularies on a CPU.

A matrix product spends far less on a row than gathering it costs, so where supports hold a good part of
the vocabulary it wins although it computes every logit. The block of logits is bounded, like gathered rows.
"""

import torch
from torch import Tensor

from opd.lm_head.product import accumulation_dtype, blocks, spread

# Of float32 logits that are there at a time.
_BLOCK_BYTES = 8 * 2**20


def forward(states: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
    """(N, K) float32 inner products of states (N, d) with the rows ids (N, K) of weight (V, d)."""
    logits = states.new_empty(ids.shape, dtype=accumulation_dtype(states))
    rows = weight.to(logits.dtype)
    for part in blocks(len(ids), len(weight), _BLOCK_BYTES):
        products = states[part].to(logits.dtype) @ rows.T
        torch.gather(products, -1, ids[part], out=logits[part])
    return logits


def state_gradient(gradient: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
    """(N, d) sum over k of gradient[n, k] x weight[ids[n, k]]."""
    result = gradient.new_empty(len(ids), weight.shape[1])
    rows = weight.to(gradient.dtype)
    for part in blocks(len(ids), len(weight), _BLOCK_BYTES):
        torch.mm(spread(gradient[part], ids[part], len(weight)), rows, out=result[part])
    return result


def weight_gradient(gradient: Tensor, states: Tensor, ids: Tensor, vocabulary_size: int) -> Tensor:
    """(V, d) sum over the (n, k) with ids[n, k] = v of gradient[n, k] x states[n]."""
    result = gradient.new_zeros(vocabulary_size, states.shape[1])
    for part in blocks(len(ids), vocabulary_size, _BLOCK_BYTES):
        result.addmm_(spread(gradient[part], ids[part], vocabulary_size).T, states[part].to(gradient.dtype))
    return result
