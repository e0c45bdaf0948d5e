"""Logits of given tokens at given positions: one autograd function, three implementations."""

import os
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from opd.lm_head import gather, union
from opd.lm_head.head import Head
from opd.support import mask_empty


def support_logits(head: Head, states: Tensor, support: Tensor) -> Tensor:
    """(N, K) float32 logits of the support's tokens, -inf in empty slots, with exact gradients.

    `states` (N, d), `support` (N, K) ids. Gradients reach the states and, where they require it, the
    weight, the bias and the LoRA factors; those of the weight are accumulated in float32.
    """
    ids = support.clamp(min=0)
    raw = _SupportLogits.apply(states, head.weight, ids)
    if head.bias is not None:
        raw = raw + head.bias[ids].float()
    if head.lora is not None:
        down, up, factor = head.lora
        raw = raw + factor * _SupportLogits.apply(states @ down.T, up, ids)
    return mask_empty(head.finish(raw), support)


def implementation(device: torch.device) -> ModuleType:
    """`fused` on CUDA with Triton, `union` on other accelerators, `gather` on a CPU.

    $OPD_LM_HEAD names one of the three instead, for tests and benchmarks.
    """
    chosen = os.environ.get("OPD_LM_HEAD")
    if chosen is None:
        chosen = {"cpu": "gather", "cuda": "fused"}.get(device.type, "union")
    if chosen == "fused":
        from opd.lm_head import fused

        return fused
    return {"gather": gather, "union": union}[chosen]


class _SupportLogits(torch.autograd.Function):
    """z[n, k] = <h[n], W[ids[n, k]]>, with gradients to h and W."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
        ctx.save_for_backward(states, weight, ids)
        return implementation(states.device).forward(states, weight, ids)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        states, weight, ids = ctx.saved_tensors
        work, gradient = implementation(states.device), gradients[0].contiguous()
        for_states, for_weight, _ = ctx.needs_input_grad
        return (
            work.state_gradient(gradient, weight, ids).to(states.dtype) if for_states else None,
            work.weight_gradient(gradient, states, ids, len(weight)).to(weight.dtype) if for_weight else None,
            None,
        )
