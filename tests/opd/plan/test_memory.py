"""Bytes by hand, and against the peaks of the code that runs."""

from dataclasses import replace

import pytest

from opd.plan import measure, memory
from opd.plan.memory import Layout, Step
from opd.plan.shape import Shape

SHAPE = Shape(
    vocabulary=100, hidden=8, intermediate=20, layers=3, heads=4, key_value_heads=2, head_width=2, tied=False
)
STEP = Step(rows=4, together=4, prompt=6, cap=10, tokens=32)


def test_a_layer_by_hand():
    """Per token of a bfloat16 model: every tensor that the backward pass of one layer needs."""
    norm = 8 * 4 + 8 * 2 + 8 * 2  # input in float32, normalised, scaled
    attention = 4 * 8 * 2 + 4 * 4  # queries, keys and values for every head, output; log-normalisers
    mlp = 4 * 20 * 2  # gate, its SiLU, up, their product
    mask = 2 * 16  # a row of the mask, as numbers
    assert memory.layer_activations(SHAPE, 1, 16) == 2 * norm + attention + mlp + mask


def test_checkpointing_keeps_one_layer_and_the_inputs_of_all():
    tokens = STEP.padded
    whole = memory.activations(SHAPE, STEP, checkpointing=False)
    layer = memory.layer_activations(SHAPE, tokens, STEP.longest)
    around = whole - 3 * layer
    assert memory.activations(SHAPE, STEP, checkpointing=True) == around + layer + 3 * tokens * 8 * 2


def test_a_forward_pass_has_a_whole_sequence_at_least():
    assert STEP.padded == 32
    assert replace(STEP, tokens=5).padded == 16
    assert replace(STEP, tokens=5).positions == 10


def test_the_student_s_state_by_hand():
    parameters = SHAPE.parameters
    assert memory.student_state(SHAPE, Layout()) == {"student": 2 * parameters, "optimiser": 4 * parameters}
    master = memory.student_state(SHAPE, Layout(master_weights=True, ranks=2))
    assert master == {"student": parameters, "optimiser": 12 * parameters // 2}
    on_host = memory.student_state(SHAPE, Layout(optimizer_on_host=True))
    assert on_host["optimiser"] == 0


def test_what_is_kept_of_a_position_by_hand():
    # Of both models K ids of 8 bytes and K log-probabilities of 4, and three numbers; the student's on the
    # teacher's top K; ids and log-probabilities of the support.
    of_both = 2 * (5 * 12 + 3 * 4) + 5 * 4
    assert memory.scores(SHAPE, measure.SAMPLED, 5, STEP) == 4 * 10 * of_both
    assert memory.scores(SHAPE, measure.LSM, 5, STEP) == 4 * 10 * (of_both + 5 * 12)
    assert memory.scores(SHAPE, measure.FULL, 5, STEP) == 4 * 10 * (of_both + 8 * 2)


def test_the_cache_of_a_paged_engine_is_the_cache_alone():
    assert memory.decoding(SHAPE, STEP, "vllm")["rollout"] == {
        "student": SHAPE.weights,
        "cache": 4 * 16 * SHAPE.cache,
    }
    repeated = memory.decoding(SHAPE, STEP, "torch")["rollout"]["activations"]
    assert repeated >= 2 * 2 * 8 * 4 * 16  # a layer's keys and values, for all heads


def test_teachers_and_gradients_are_counted_once_each():
    teachers = [SHAPE, replace(SHAPE, layers=1)]
    phases = memory.distillation(SHAPE, teachers, [STEP], measure.LSM, 5, Layout(), "torch")
    assert phases["training"]["teachers"] == sum(teacher.weights for teacher in teachers)
    assert phases["training"]["gradients"] == SHAPE.weights
    assert "gradients" not in phases["scoring"]
    assert memory.peak(phases) == max(sum(components.values()) for components in phases.values())


@pytest.mark.parametrize("objective", ["LSM", "SAMPLED", "FULL"])
def test_estimates_are_near_the_measured_peaks(objective):
    """Of live tensors; docs/planning.md has more cases, and models in bfloat16, which a CPU emulates."""
    shape = Shape(2048, 96, 512, 3, 6, 2, 16, tied=False, width=4)
    step = Step(rows=8, together=8, prompt=16, cap=48, tokens=512)
    for phase, estimated, measured in measure.phases(
        measure.Case("", shape, getattr(measure, objective), step)
    ):
        assert 0.8 < estimated / measured < 1.3, (phase, estimated, measured)
