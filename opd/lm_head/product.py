"""Products of states with the head's rows, and their gradients, in float32 whatever precision both have.

Rounded to bfloat16, logits between 16 and 32 lie 0.125 apart. A log-probability is the difference of a logit
and the normaliser, so all of them must be the same numbers; these, and those of `support_logits`, are
float32 sums of exact products.
"""

from collections.abc import Iterator
from functools import reduce

import torch
from torch import Tensor

# Bytes of float32 rows that are made at a time: a copy of the whole weight would be twice its size.
_BLOCK_BYTES = 32 * 2**20


def accumulation_dtype(tensor: Tensor) -> torch.dtype:
    """What products are summed in: float32, or float64 for float64 states."""
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def blocks(length: int, width: int, limit: int) -> Iterator[slice]:
    """Consecutive parts of `length` rows of `width` float32 numbers, of at most `limit` bytes or one row."""
    count = max(1, limit // (4 * width))
    return (slice(start, start + count) for start in range(0, length, count))


def forward(states: Tensor, rows: Tensor) -> Tensor:
    """(n, V) float32 inner products of states (n, d) with rows (V, d)."""
    parts = [_product(states, rows[part].T) for part in _blocks_to_read(rows)]
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)


def state_gradient(gradient: Tensor, rows: Tensor) -> Tensor:
    """(n, d) float32 sum over v of gradient[n, v] x rows[v]."""
    parts = (_product(gradient[:, part], rows[part]) for part in _blocks_to_read(rows))
    return reduce(Tensor.add_, parts)


def row_gradient(gradient: Tensor, states: Tensor) -> Tensor:
    """(V, d) float32 sum over n of gradient[n, v] x states[n]."""
    return _product(gradient.T, states)


def add_row_gradient(total: Tensor, gradient: Tensor, states: Tensor) -> None:
    """Add the `row_gradient` to total (V, d), a block of rows at a time."""
    for part in blocks(len(total), total.shape[1], _BLOCK_BYTES):
        total[part].add_(row_gradient(gradient[:, part], states))


def spread(gradient: Tensor, places: Tensor, width: int) -> Tensor:
    """(n, width) the gradients (n, K) put at their places, repeated places added up."""
    return gradient.new_zeros(len(gradient), width).scatter_add(-1, places, gradient)


def _product(first: Tensor, second: Tensor) -> Tensor:
    """The float32 product of two matrices, the second of which is in the model's precision.

    CUDA multiplies 16-bit matrices and keeps the sums; a gradient, which comes in float32, is rounded for
    that, each entry by itself. Other devices round the sums, so there both matrices are made float32.
    """
    if second.is_cuda and second.itemsize == 2:
        return torch.mm(first.to(second.dtype), second, out_dtype=torch.float32)
    dtype = accumulation_dtype(second)
    return first.to(dtype) @ second.to(dtype)


def _blocks_to_read(rows: Tensor) -> Iterator[slice]:
    """All rows at once, or a block at a time if `_product` makes float32 of them."""
    copied = rows.itemsize == 2 and not rows.is_cuda
    return blocks(len(rows), rows.shape[1], _BLOCK_BYTES) if copied else iter([slice(None)])
