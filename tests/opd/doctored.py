"""Programs and models that are changed for a test."""

from pathlib import Path
from types import ModuleType

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from opd import lora, models
from opd.spec import LoraSpec


def interrupt(patched: pytest.MonkeyPatch, program: ModuleType, step_of: str, at: int) -> None:
    """Let a training program be killed at a step; `step_of` is the name of its function of run and step."""
    whole = getattr(program, step_of)

    def interrupted(run, step):
        if step == at:
            raise KeyboardInterrupt
        return whole(run, step)

    patched.setattr(program, step_of, interrupted)


def save_favouring(
    model: PreTrainedModel, token: int, factor: float, tokenizer: PreTrainedTokenizerBase, folder: Path
) -> None:
    """Save the model with a token's row of the head enlarged; the model itself stays as it is."""
    before = model.lm_head.weight.detach().clone()
    with torch.no_grad():
        model.lm_head.weight[token] *= factor
        models.save(model, tokenizer, folder)
        model.lm_head.weight.copy_(before)


def adapted(folders, targets="all-linear", rank=3, dtype=torch.float32):
    """A model whose adapters change something: B is drawn, too."""
    model = models.load(folders[0]).to(dtype)
    lora.adapt(model, LoraSpec(rank=rank, alpha=6, targets=targets), seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, layer in lora.layers(model):
            b = layer.lora_B["default"].weight
            b.copy_(0.3 * torch.randn(b.shape, generator=generator))
    return model


def written_down(folders, model):
    """The base model with W + (alpha / rank) B A in every adapted layer, computed here."""
    dense = models.load(folders[0])
    with torch.no_grad():
        for name, layer in lora.layers(model):
            a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
            dense.get_submodule(name).weight += 6.0 / len(a) * b @ a
    return dense
