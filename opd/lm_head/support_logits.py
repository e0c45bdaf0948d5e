"""Logits of given tokens at given positions: one autograd function, three implementations."""

from functools import reduce
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from opd.lm_head import dense, gather
from opd.lm_head.head import Head
from opd.support import mask_empty

# On a CPU, gathering a row costs as much as multiplying with 16 to 64 rows (docs/support_only_head.md). Below
# the lower end `dense` was faster at every shape.
_ROWS_PER_GATHERED = 16


def support_logits(head: Head, states: Tensor, support: Tensor, name: str | None = None) -> Tensor:
    """(N, K) float32 logits of the support's tokens, -inf in empty slots, with exact gradients.

    `states` (N, d), `support` (N, K) ids. Gradients reach the states and, where they require it, the
    weight, the bias and the LoRA factors; those of the weight are accumulated in float32. `name` says who
    computes them, see `implementation`.
    """
    ids = support.clamp(min=0)
    work = implementation(head.weight.device, head.vocabulary_size, ids.shape[-1], name)
    parts = [_SupportLogits.apply(x, rows, ids, work) for x, rows in head.factors(states)]
    return mask_empty(head.finish(reduce(Tensor.add, parts)), support)


def implementation(
    device: torch.device, vocabulary_size: int, support_size: int, name: str | None = None
) -> ModuleType:
    """The one of that name; None: the fastest for the device and the shape. The data never choose."""
    chosen = name or choose(device.type, vocabulary_size, support_size)
    if chosen == "fused":
        from opd.lm_head import fused

        return fused
    return {"gather": gather, "dense": dense}[chosen]


def choose(device_type: str, vocabulary_size: int, support_size: int) -> str:
    """`fused` on CUDA; on a CPU `gather`, or `dense` if V < 16 K."""
    if device_type == "cuda":
        return "fused"
    return "dense" if vocabulary_size < _ROWS_PER_GATHERED * support_size else "gather"


class _SupportLogits(torch.autograd.Function):
    """z[n, k] = <h[n], W[ids[n, k]]>, with gradients to h and W, as the module `work` computes them."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, ids: Tensor, work: ModuleType) -> Tensor:
        ctx.save_for_backward(states, weight, ids)
        ctx.work = work
        return work.forward(states, weight, ids)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        states, weight, ids = ctx.saved_tensors
        work, gradient = ctx.work, gradients[0].contiguous()
        for_states, for_weight, *_ = ctx.needs_input_grad
        return (
            work.state_gradient(gradient, weight, ids).to(states.dtype) if for_states else None,
            work.weight_gradient(gradient, states, ids, len(weight)).to(weight.dtype) if for_weight else None,
            None,
            None,
        )
