"""The model that a run trains, with what trains it."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.optim import Optimizer
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from opd import lora, models
from opd.optimizer import adamw, update
from opd.parallel import sharding
from opd.parallel.sharding import Root
from opd.spec import DistillSpec, SftSpec
from programs.errors import UserError


@dataclass(frozen=True)
class Learner:
    """A model, its tokenizer and its optimiser. `root` computes with the model, however it is spread."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    root: Root
    optimizer: Optimizer
    clip_norm: float

    def update(self, loss: float) -> float:
        """Step with the accumulated gradient; its norm before clipping, over all ranks.

        FloatingPointError if that or the `loss` that it belongs to is not finite.
        """
        norm = update(self.model, [self.optimizer], self.clip_norm)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise FloatingPointError(f"the loss is {loss}, the gradient norm {norm}")
        return norm


def load(folder: Path, spec: DistillSpec | SftSpec) -> Learner:
    """The model of a folder as the spec trains it, spread over the ranks."""
    model, tokenizer = models.load(folder), models.load_tokenizer(folder)
    if model.dtype == torch.float16:
        raise UserError(f"{folder}: gradients of single tokens vanish in float16; convert it to bfloat16")
    memory = spec.memory
    if isinstance(spec, DistillSpec) and spec.lora:
        # What is trained is float32 then; what is frozen needs no more bits than it computes with.
        model.to(sharding.dtype(model, memory))  # type: ignore[arg-type]
        memory = memory.model_copy(update={"master_weights": False})
        lora.adapt(model, spec.lora, spec.seed)
    root = sharding.student(model, memory)
    optimizer = adamw(model, spec.optimizer, on_host=memory.offload)
    return Learner(model, tokenizer, root, optimizer, spec.optimizer.clip_norm)
