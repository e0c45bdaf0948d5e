"""Support logits as fused Triton kernels: no gathered rows in memory, every read at full width.

Forward and state gradient read each selected row once; the weight gradient visits each distinct token
once, sums its occurrences in float32 registers and writes its row in the states' dtype, without atomics,
so that it is deterministic and needs no float32 copy of the weight. With $TRITON_INTERPRET=1 the kernels
run on a CPU, for tests.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK_D = 128
_BLOCK_OCCURRENCES = 32


@triton.jit
def _forward(states, weight, ids, logits, K, D, BLOCK_K: tl.constexpr, BLOCK_D: tl.constexpr):  # noqa: N803
    n = tl.program_id(0).to(tl.int64)
    k = tl.arange(0, BLOCK_K)
    tokens = tl.load(ids + n * K + k, mask=k < K, other=0)
    total = tl.zeros((BLOCK_K,), tl.float32)
    for first in range(0, D, BLOCK_D):
        d = first + tl.arange(0, BLOCK_D)
        state = tl.load(states + n * D + d, mask=d < D, other=0.0).to(tl.float32)
        inside = (k < K)[:, None] & (d < D)[None, :]
        rows = tl.load(weight + tokens[:, None] * D + d[None, :], mask=inside, other=0.0).to(tl.float32)
        total += tl.sum(rows * state[None, :], 1)
    tl.store(logits + n * K + k, total, mask=k < K)


@triton.jit
def _state_gradient(gradient, weight, ids, result, K, D, BLOCK_K: tl.constexpr, BLOCK_D: tl.constexpr):  # noqa: N803
    n = tl.program_id(0).to(tl.int64)
    k = tl.arange(0, BLOCK_K)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    tokens = tl.load(ids + n * K + k, mask=k < K, other=0)
    share = tl.load(gradient + n * K + k, mask=k < K, other=0.0)
    inside = (k < K)[:, None] & (d < D)[None, :]
    rows = tl.load(weight + tokens[:, None] * D + d[None, :], mask=inside, other=0.0).to(tl.float32)
    tl.store(result + n * D + d, tl.sum(share[:, None] * rows, 0), mask=d < D)


@triton.jit
def _weight_gradient(
    gradient,
    states,
    order,
    tokens,
    starts,
    result,
    K,  # noqa: N803
    D,  # noqa: N803
    BLOCK_I: tl.constexpr,  # noqa: N803
    BLOCK_D: tl.constexpr,  # noqa: N803
):
    u = tl.program_id(0)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    token = tl.load(tokens + u)
    end = tl.load(starts + u + 1)
    total = tl.zeros((BLOCK_D,), tl.float32)
    for first in range(tl.load(starts + u), end, BLOCK_I):
        i = first + tl.arange(0, BLOCK_I)
        occurrence = tl.load(order + i, mask=i < end, other=0)
        share = tl.load(gradient + occurrence, mask=i < end, other=0.0)
        inside = (i < end)[:, None] & (d < D)[None, :]
        rows = tl.load(states + (occurrence // K)[:, None] * D + d[None, :], mask=inside, other=0.0)
        total += tl.sum(share[:, None] * rows.to(tl.float32), 0)
    tl.store(result + token * D + d, total, mask=d < D)


def forward(states: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
    """(N, K) float32 inner products of states (N, d) with the rows ids (N, K) of weight (V, d)."""
    states, weight, ids = states.contiguous(), weight.contiguous(), ids.contiguous()
    (n, k), d = ids.shape, weight.shape[1]
    logits = torch.empty(n, k, dtype=torch.float32, device=states.device)
    if logits.numel():
        _forward[(n,)](states, weight, ids, logits, k, d, triton.next_power_of_2(k), _BLOCK_D)
    return logits


def state_gradient(gradient: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
    """(N, d) sum over k of gradient[n, k] x weight[ids[n, k]], in the weight's dtype."""
    weight, ids = weight.contiguous(), ids.contiguous()
    (n, k), d = ids.shape, weight.shape[1]
    result = torch.empty(n, d, dtype=weight.dtype, device=weight.device)
    if result.numel():
        grid = (n, triton.cdiv(d, _BLOCK_D))
        _state_gradient[grid](gradient, weight, ids, result, k, d, triton.next_power_of_2(k), _BLOCK_D)
    return result


def weight_gradient(gradient: Tensor, states: Tensor, ids: Tensor, vocabulary_size: int) -> Tensor:
    """(V, d) sum over the (n, k) with ids[n, k] = v of gradient[n, k] x states[n], in the states' dtype."""
    states = states.contiguous()
    d = states.shape[1]
    result = torch.zeros(vocabulary_size, d, dtype=states.dtype, device=states.device)
    ordered, order = ids.flatten().sort()
    tokens, counts = ordered.unique_consecutive(return_counts=True)
    starts = torch.nn.functional.pad(counts.cumsum(0), (1, 0))
    if len(tokens):
        grid = (len(tokens), triton.cdiv(d, _BLOCK_D))
        _weight_gradient[grid](
            gradient, states, order, tokens, starts, result, ids.shape[1], d, _BLOCK_OCCURRENCES, _BLOCK_D
        )
    return result
