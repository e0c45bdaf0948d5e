"""Support logits as fused Triton kernels: no gathered rows in memory, every read at full width.

Forward and state gradient read each selected row once, a tile of rows at a time. The weight gradient sums
the occurrences of each token in float32 registers and writes every row of the result once, in the states'
dtype: without atomics, so that it is deterministic, and without a float32 copy of the weight. With
$TRITON_INTERPRET=1 the kernels run on a CPU, for tests.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

# What follows is the fastest of what was tried on an H200 (docs/support_only_head.md). Rows and columns of a
# tile of the weight, forwards and backwards.
_FORWARD = (32, 64)
_BACKWARD = (2, 4096)
# The same of the states, for tokens that occur up to so many times and for the others: the first are many and
# have little to add, the others few and each a long sum.
_RARE, _RARE_UP_TO = (2, 4096), 128
_FREQUENT = (64, 64)
# Programs of the weight gradient, each of which goes through many tokens: starting one for every token and
# tile takes longer than the work.
_PROGRAMS = 16384
_WARPS, _WARPS_OF_THE_WEIGHT = 8, 4


@triton.jit
def _forward(states, weight, ids, logits, K, D, BLOCK_K: tl.constexpr, BLOCK_D: tl.constexpr):  # noqa: N803
    n = tl.program_id(0).to(tl.int64)
    k = tl.program_id(1) * BLOCK_K + tl.arange(0, BLOCK_K)
    tokens = tl.load(ids + n * K + k, mask=k < K, other=0)
    total = tl.zeros((BLOCK_K, BLOCK_D), tl.float32)
    for first in range(0, D, BLOCK_D):
        d = first + tl.arange(0, BLOCK_D)
        state = tl.load(states + n * D + d, mask=d < D, other=0.0).to(tl.float32)
        inside = (k < K)[:, None] & (d < D)[None, :]
        rows = tl.load(weight + tokens[:, None] * D + d[None, :], mask=inside, other=0.0).to(tl.float32)
        total += rows * state[None, :]
    tl.store(logits + n * K + k, tl.sum(total, 1), mask=k < K)


@triton.jit
def _state_gradient(gradient, weight, ids, result, K, D, BLOCK_K: tl.constexpr, BLOCK_D: tl.constexpr):  # noqa: N803
    n = tl.program_id(0).to(tl.int64)
    for first_d in range(0, D, BLOCK_D):
        d = first_d + tl.arange(0, BLOCK_D)
        total = tl.zeros((BLOCK_K, BLOCK_D), tl.float32)
        for first in range(0, K, BLOCK_K):
            k = first + tl.arange(0, BLOCK_K)
            tokens = tl.load(ids + n * K + k, mask=k < K, other=0)
            share = tl.load(gradient + n * K + k, mask=k < K, other=0.0)
            inside = (k < K)[:, None] & (d < D)[None, :]
            rows = tl.load(weight + tokens[:, None] * D + d[None, :], mask=inside, other=0.0)
            total += share[:, None] * rows.to(tl.float32)
        tl.store(result + n * D + d, tl.sum(total, 0), mask=d < D)


@triton.jit
def _weight_gradient(
    gradient,
    states,
    order,
    tokens,
    starts,
    result,
    TOKENS,  # noqa: N803
    K,  # noqa: N803
    D,  # noqa: N803
    BLOCK_I: tl.constexpr,  # noqa: N803
    BLOCK_D: tl.constexpr,  # noqa: N803
):
    blocks = tl.cdiv(D, BLOCK_D)
    for item in range(tl.program_id(0), TOKENS * blocks, tl.num_programs(0)):
        token = tl.load(tokens + item // blocks)
        d = (item % blocks) * BLOCK_D + tl.arange(0, BLOCK_D)
        end = tl.load(starts + token + 1)
        total = tl.zeros((BLOCK_I, BLOCK_D), tl.float32)
        for first in range(tl.load(starts + token), end, BLOCK_I):
            i = first + tl.arange(0, BLOCK_I)
            occurrence = tl.load(order + i, mask=i < end, other=0)
            share = tl.load(gradient + occurrence, mask=i < end, other=0.0)
            inside = (i < end)[:, None] & (d < D)[None, :]
            rows = tl.load(states + (occurrence // K)[:, None] * D + d[None, :], mask=inside, other=0.0)
            total += share[:, None] * rows.to(tl.float32)
        tl.store(result + token * D + d, tl.sum(total, 0), mask=d < D)


def forward(states: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
    """(N, K) float32 inner products of states (N, d) with the rows ids (N, K) of weight (V, d)."""
    states, weight, ids = states.contiguous(), weight.contiguous(), ids.contiguous()
    (n, k), d = ids.shape, weight.shape[1]
    logits = torch.empty(n, k, dtype=torch.float32, device=states.device)
    if logits.numel():
        rows, width = _tile(_FORWARD, k, d)
        _forward[(n, triton.cdiv(k, rows))](states, weight, ids, logits, k, d, rows, width, num_warps=_WARPS)
    return logits


def state_gradient(gradient: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
    """(N, d) sum over k of gradient[n, k] x weight[ids[n, k]], in the weight's dtype."""
    weight, ids = weight.contiguous(), ids.contiguous()
    (n, k), d = ids.shape, weight.shape[1]
    result = torch.empty(n, d, dtype=weight.dtype, device=weight.device)
    if result.numel():
        rows, width = _tile(_BACKWARD, k, d)
        _state_gradient[(n,)](gradient, weight, ids, result, k, d, rows, width, num_warps=_WARPS)
    return result


def weight_gradient(gradient: Tensor, states: Tensor, ids: Tensor, vocabulary_size: int) -> Tensor:
    """(V, d) sum over the (n, k) with ids[n, k] = v of gradient[n, k] x states[n], in the states' dtype."""
    states = states.contiguous()
    d = states.shape[1]
    result = torch.empty(vocabulary_size, d, dtype=states.dtype, device=states.device)
    # Stable, so that a token's occurrences are always added in the same order.
    ordered, order = ids.flatten().int().sort(stable=True)
    starts = torch.searchsorted(ordered, torch.arange(vocabulary_size + 1, device=ids.device).int())
    frequent = starts.diff() > _RARE_UP_TO
    for tokens, tile in ((~frequent, _RARE), (frequent, _FREQUENT)):
        tokens, (height, width) = tokens.nonzero()[:, 0], _tile(tile, ids.numel(), d)
        if count := len(tokens):
            programs = min(_PROGRAMS, count * triton.cdiv(d, width))
            _weight_gradient[(programs,)](
                gradient,
                states,
                order,
                tokens,
                starts,
                result,
                count,
                ids.shape[1],
                d,
                height,
                width,
                num_warps=_WARPS_OF_THE_WEIGHT,
            )
    return result


def _tile(largest: tuple[int, int], rows: int, columns: int) -> tuple[int, int]:
    """(height, width) of a tile for a matrix of so many rows and columns, in powers of 2.

    No higher than the matrix: rows that a low one does not fill go into the width, up to its columns.
    """
    height, width = largest
    low = min(height, triton.next_power_of_2(max(1, rows)))
    return low, min(width * (height // low), triton.next_power_of_2(columns))
