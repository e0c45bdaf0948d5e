"""Adapters count what peft makes of them, and hold what the backward pass finds."""

from dataclasses import replace

import pytest
import torch

from opd import lora
from opd.plan import activations, adapters, measure, memory, trial, work
from opd.plan.memory import Layout
from opd.plan.shape import Shape
from opd.plan.step import Step
from opd.spec import LoraSpec, MemorySpec

SHAPE = Shape(
    vocabulary=100, hidden=8, intermediate=20, layers=3, heads=4, key_value_heads=2, head_width=2, tied=False
)
STEP = Step(rows=4, together=4, prompt=6, cap=10, tokens=32)
LORA = LoraSpec(rank=4)


@pytest.mark.parametrize(
    "targets", ["all-linear", ("q_proj", "down_proj"), ("v_proj", "lm_head"), ("self_attn.q_proj",)]
)
def test_parameters_are_those_that_peft_makes(targets):
    spec = LoraSpec(rank=4, targets=targets)
    model = trial.build(SHAPE)
    lora.adapt(model, spec, seed=0)
    trained = sum(each.numel() for each in model.parameters() if each.requires_grad)
    assert adapters.of(SHAPE, spec).parameters == trained


def test_what_a_token_keeps_by_hand():
    found = adapters.of(SHAPE, LORA)
    products = 7 * 4 * 4
    # In 16 bits, float32 copies of the inputs of queries, keys, values, output, gate, up and down.
    assert found.kept(2) == 4 * (3 * 8 + 8 + 2 * 8 + 20) + products
    # In float32, two norms' outputs and the MLP's product.
    assert found.kept(4) == 4 * (8 + 8 + 20) + products
    few = adapters.of(SHAPE, LoraSpec(rank=4, targets=("k_proj", "v_proj", "o_proj")))
    assert few.kept(4) == 4 * 8 + 3 * 4 * 4


def test_a_layer_with_adapters_keeps_what_frozen_weights_need_and_the_adapters_inputs():
    found = adapters.of(SHAPE, LORA)
    norms = 2 * 8 * 4
    attention = 4 * 8 * 2 + 4 * 4
    mlp = 3 * 20 * 2
    assert activations.layer_activations(
        SHAPE, 1, 16, found
    ) == norms + attention + mlp + 2 * 16 + found.kept(2)


def test_only_the_adapters_have_gradients_and_moments():
    found = adapters.of(SHAPE, LORA)
    bytes_trained = 4 * found.parameters
    layout = Layout(MemorySpec(), lora=LORA)
    assert memory.student_state(SHAPE, layout) == {
        "student": SHAPE.weights + bytes_trained,
        "optimiser": 2 * bytes_trained,
    }
    phases = memory.distillation(SHAPE, [SHAPE], [STEP], trial.LSM, 5, layout)
    assert phases["training"]["gradients"] == phases["update"]["temporary"] == bytes_trained
    offloaded = replace(layout, memory=MemorySpec(offload=True))
    assert memory.student_state(SHAPE, offloaded) == {"student": 0, "optimiser": 0}


@pytest.mark.parametrize("objective", [trial.LSM, trial.SAMPLED, trial.FULL])
def test_a_frozen_head_has_no_gradient_to_hold(objective):
    trained = memory.head(SHAPE, objective, 5, STEP)
    frozen = memory.head(SHAPE, objective, 5, STEP, frozen=True)
    assert trained - frozen == SHAPE.head_matrix * (6 if objective is trial.LSM else 4)


@pytest.mark.parametrize("objective", [trial.LSM, trial.SAMPLED])
def test_frozen_weights_spare_a_third_of_the_products(objective):
    def operations(frozen):
        return work.training(SHAPE, SHAPE, objective, False, STEP, 0.5, frozen).operations

    tokens, generated = 4 * (5 + 3), 4 * 5
    head = 0 if objective is trial.LSM else 2 * generated * SHAPE.head_matrix
    assert operations(False) - operations(True) == 2 * tokens * SHAPE.body_matrices + head


@pytest.mark.parametrize("objective", [trial.LSM, trial.SAMPLED])
def test_estimates_are_near_the_measured_peaks(objective):
    """Of live tensors, in float32; docs/planning.md has models in bfloat16, which a CPU emulates."""
    shape = Shape(2048, 96, 512, 3, 6, 2, 16, tied=False, width=4)
    step = Step(rows=8, together=8, prompt=16, cap=48, tokens=512)
    torch.manual_seed(0)
    for phase, estimated, measured in measure.phases(
        trial.Case("", shape, objective, step, LoraSpec(rank=8))
    ):
        assert 0.8 < estimated / measured < 1.3, (phase, estimated, measured)
