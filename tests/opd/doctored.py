"""Programs and models that are changed for a test."""

from pathlib import Path
from types import ModuleType

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from opd import models


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
