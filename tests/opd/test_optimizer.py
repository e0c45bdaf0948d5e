"""Which parameters each optimiser gets, and the schedule at its corners."""

import pytest
import torch

from opd.optimizer import adamw, muon_and_adamw, scale_learning_rates, update, warmup_cosine
from tests.opd.specs import distill_spec


def test_muon_gets_the_matrices_inside_the_layers_and_adamw_the_rest(student):
    muon, adamw = muon_and_adamw(student, 1e-3, 1e-2)
    inside = {id(p) for group in muon.param_groups for p in group["params"]}
    rest = {id(p) for group in adamw.param_groups for p in group["params"]}
    named = dict(student.named_parameters())
    assert inside | rest == {id(p) for p in named.values()}
    assert not inside & rest
    assert id(named["model.layers.0.mlp.up_proj.weight"]) in inside
    for name in ("model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"):
        assert id(named[name]) in rest


def test_adamw_is_as_the_spec_says(student):
    spec = distill_spec(optimizer={"learning_rate": 3e-4, "betas": (0.8, 0.9), "weight_decay": 0.2}).optimizer
    student.lm_head.weight.requires_grad_(False)
    (group,) = adamw(student, spec).param_groups
    student.lm_head.weight.requires_grad_(True)
    assert (group["lr"], group["betas"], group["weight_decay"]) == (3e-4, (0.8, 0.9), 0.2)
    assert len(group["params"]) == len(list(student.parameters())) - 1


def test_schedule():
    factors = [warmup_cosine(step, 100, 10) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9] == factors[10] == 1
    assert factors[55] == pytest.approx(0.02 + 0.98 / 2)
    assert factors[-1] == pytest.approx(0.02, abs=1e-3)


def test_scaling_starts_from_the_original_rate():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.5)
    for factor in (0.1, 1.0, 0.5):
        scale_learning_rates([optimizer], factor)
        assert optimizer.param_groups[0]["lr"] == 0.5 * factor


def test_update_clips_and_returns_the_norm_before():
    layer = torch.nn.Linear(2, 1, bias=False)
    layer.weight.data.zero_()
    layer.weight.grad = torch.tensor([[3.0, 4.0]])
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    assert update(layer, [optimizer], clip_norm=1.0) == pytest.approx(5)
    torch.testing.assert_close(layer.weight.data, torch.tensor([[-0.6, -0.8]]))
    assert layer.weight.grad is None
