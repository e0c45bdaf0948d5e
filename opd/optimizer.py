"""Optimisers and the learning-rate schedule of pretraining and warm starts."""

import math
from collections.abc import Sequence

from torch import nn
from torch.distributed.tensor import DTensor
from torch.optim import AdamW, Optimizer

from opd.muon import Muon
from opd.spec import OptimizerSpec

_LAST = 0.02


def adamw(model: nn.Module, spec: OptimizerSpec, on_host: bool = False) -> AdamW:
    """AdamW on what is not frozen; fused on the host and where sharded, as torch would loop there."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return AdamW(
        trained,
        lr=spec.learning_rate,
        betas=spec.betas,
        weight_decay=spec.weight_decay,
        fused=on_host or isinstance(trained[0], DTensor) or None,
    )


def muon_and_adamw(model: nn.Module, learning_rate: float, muon_learning_rate: float) -> list[Optimizer]:
    """Muon on the matrices inside the layers, AdamW on embeddings, head, norms and biases.

    From scratch, Muon reaches in 190 steps the accuracy that AdamW alone has not reached in 250.
    """
    hidden: list[nn.Parameter] = []
    other: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        inside = ".layers." in name and parameter.ndim == 2
        (hidden if inside else other).append(parameter)
    return [
        Muon(hidden, lr=muon_learning_rate, momentum=0.95, weight_decay=0.01),
        AdamW(other, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.01),
    ]


def warmup_cosine(step: int, steps: int, warmup_steps: int) -> float:
    """Learning-rate factor: linear warm-up, then cosine decay to a fiftieth after the last step."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - warmup_steps)
    return _LAST + (1 - _LAST) * 0.5 * (1 + math.cos(math.pi * progress))


def update(model: nn.Module, optimizers: Sequence[Optimizer], clip_norm: float = 1.0) -> float:
    """Clip the accumulated gradient, step, clear it. Returns the norm before clipping, over all ranks."""
    norm = nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    if isinstance(norm, DTensor):
        norm = norm.full_tensor()
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(norm)


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Set the rate of all groups, whatever a checkpoint said."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def scale_learning_rates(optimizers: Sequence[Optimizer], factor: float) -> None:
    """Set every group's rate to `factor` times the rate it was built with."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
            group["lr"] = group["initial_lr"] * factor
