"""Bytes by hand, and against the peaks of the code that runs."""

from dataclasses import replace

import pytest

from opd.lm_head import gather, tiles
from opd.plan import activations, measure, memory, trial
from opd.plan.memory import Layout
from opd.plan.shape import Shape
from opd.plan.step import Step
from opd.spec import LoraSpec, MemorySpec

SHAPE = Shape(
    vocabulary=100, hidden=8, intermediate=20, layers=3, heads=4, key_value_heads=2, head_width=2, tied=False
)
STEP = Step(rows=4, together=4, prompt=6, cap=10, tokens=32)


def test_tiles_and_blocks_are_those_of_the_head():
    """The planner repeats them, as the head loads torch."""
    assert memory._TILE == tiles._TILE_BYTES
    assert memory._BLOCK == gather._BLOCK_BYTES


def test_a_layer_by_hand():
    """Per token of a bfloat16 model: every tensor that the backward pass of one layer needs."""
    norm = 8 * 4 + 8 * 2 + 8 * 2  # input in float32, normalised, scaled
    attention = 4 * 8 * 2 + 4 * 4  # queries, keys and values for every head, output; log-normalisers
    mlp = 4 * 20 * 2  # gate, its SiLU, up, their product
    mask = 2 * 16  # a row of the mask, as numbers
    assert activations.layer_activations(SHAPE, 1, 16) == 2 * norm + attention + mlp + mask


def test_checkpointing_keeps_one_layer_and_the_inputs_of_all():
    tokens = STEP.padded
    whole = activations.kept(SHAPE, STEP, checkpointing=False)
    layer = activations.layer_activations(SHAPE, tokens, STEP.longest)
    around = whole - 3 * layer
    assert activations.kept(SHAPE, STEP, checkpointing=True) == around + layer + 3 * tokens * 8 * 2


def test_a_forward_pass_has_a_whole_sequence_at_least():
    assert STEP.padded == 32
    assert replace(STEP, tokens=5).padded == 16
    assert replace(STEP, tokens=5).positions == 10


def test_the_student_s_state_by_hand():
    parameters = SHAPE.parameters
    plain = memory.student_state(SHAPE, Layout(MemorySpec()))
    assert plain == {"student": 2 * parameters, "optimiser": 4 * parameters}
    master = memory.student_state(SHAPE, Layout(MemorySpec(master_weights=True), ranks=2))
    assert master == {"student": 4 * parameters // 2, "optimiser": 2 * (4 * parameters // 2)}
    offloaded = Layout(MemorySpec(master_weights=True, offload=True))
    assert memory.student_state(SHAPE, offloaded) == {"student": 0, "optimiser": 0}


def test_adapters_are_the_master_weights_by_hand():
    """On one device nothing is then gathered; with float32 folders the frozen weights rest in bfloat16."""
    adapted = Layout(MemorySpec(master_weights=True), lora=LoraSpec(rank=2))
    own = 4 * adapted.adapters(SHAPE).parameters
    for shape in (SHAPE, replace(SHAPE, width=4)):
        expected = {"student": 2 * SHAPE.parameters + own, "optimiser": 2 * own}
        assert memory.student_state(shape, adapted) == expected
        assert not adapted.sharded


def test_a_sharded_update_takes_one_weight_after_the_other():
    def temporary(layout):
        return memory.learning(SHAPE, [STEP], layout, [0])["update"]["temporary"]

    assert temporary(Layout(MemorySpec())) == SHAPE.weights
    assert temporary(Layout(MemorySpec(), ranks=2)) == temporary(Layout(MemorySpec(master_weights=True))) == 0


def test_a_sharded_student_is_gathered_to_compute():
    def gathered(engine="torch", **knobs):
        layout = replace(Layout(MemorySpec(**knobs)), engine=engine)
        phases = memory.distillation(SHAPE, [SHAPE], [STEP], trial.LSM, 5, layout)
        return [phases[phase]["gathered"] for phase in ("rollout", "scoring", "training")]

    assert gathered(recompute_layers=True) == [0, 0, 0]
    layer = 2 * 8 * (8 + 4) + 3 * 8 * 20
    # Embedding and head with their gradients, two layers and a layer's gradients, at two bytes.
    in_passing = 2 * (2 * 2 * 800 + 3 * layer)
    assert gathered(offload=True) == [SHAPE.weights, SHAPE.weights, in_passing]
    assert gathered("vllm", offload=True) == [0, SHAPE.weights, in_passing]


def test_a_sharded_teacher_keeps_its_head_everywhere():
    layers = SHAPE.width * SHAPE.body_matrices
    spread = memory.teacher_state(SHAPE, Layout(MemorySpec(shard_teachers=True), ranks=4))
    assert spread == SHAPE.weights - layers + layers // 4
    assert memory.teacher_state(SHAPE, Layout(MemorySpec(), ranks=4)) == SHAPE.weights


def test_an_averaged_teacher_in_16_bits_is_there_twice():
    def held(width, averaged):
        shape, layout = replace(SHAPE, width=width), Layout(MemorySpec(), averaged=averaged)
        return memory.total(memory.distillation(shape, [shape], [STEP], trial.LSM, 5, layout)["scoring"])

    assert held(2, True) - held(2, False) == 4 * SHAPE.parameters
    assert held(4, True) == held(4, False)


def test_an_engine_that_sleeps_takes_nothing_in_training():
    def engine(sleeps):
        layout = Layout(MemorySpec(), 1, "vllm", 1000, sleeps)
        phases = memory.distillation(SHAPE, [SHAPE], [STEP], trial.LSM, 5, layout)
        assert "cache" not in phases["rollout"]
        return [phase["engine"] for phase in phases.values()]

    assert engine(True) == [1000, 0, 0, 0]
    assert engine(False) == [1000] * 4


def test_what_is_kept_of_a_position_by_hand():
    # Of both models K ids of 8 bytes and K log-probabilities of 4, and three numbers; the student's on the
    # teacher's top K; ids and log-probabilities of the support.
    of_both = 2 * (5 * 12 + 3 * 4) + 5 * 4
    assert memory.scores([SHAPE], trial.SAMPLED, 5, STEP) == 4 * 10 * of_both
    assert memory.scores([SHAPE], trial.LSM, 5, STEP) == 4 * 10 * (of_both + 5 * 12)
    wide = [SHAPE, replace(SHAPE, hidden=24)]  # the teachers' states, of the widest
    assert memory.scores(wide, trial.FULL, 5, STEP) == 4 * 10 * (of_both + 24 * 2)
    for support, slots in (("union", 10), ("teacher_top_k_and_sampled", 6), ("intersection", 5)):
        objective = trial.LSM.model_copy(update={"support": support})
        assert memory.scores([SHAPE], objective, 5, STEP) == 4 * 10 * (of_both + slots * 12)


def test_a_warm_start_is_a_run_s_training_without_teacher_and_scores():
    layout = Layout(MemorySpec(master_weights=True, recompute_layers=True), ranks=2)
    run = memory.distillation(SHAPE, [SHAPE], [STEP], trial.SAMPLED, 5, layout)
    assert memory.supervised(SHAPE, STEP, layout) == {
        phase: {
            name: size for name, size in run[phase].items() if name not in ("teachers", "engine", "scores")
        }
        for phase in ("training", "update")
    }


def test_the_cache_of_a_paged_engine_is_the_cache_alone():
    paged = memory.decoding(SHAPE, STEP, "vllm")["rollout"]
    assert paged == {"student": SHAPE.weights, "cache": 16 * SHAPE.cache}
    repeated = memory.decoding(SHAPE, STEP, "torch")["rollout"]["activations"]
    assert repeated >= 2 * 2 * 8 * 4 * 16  # a layer's keys and values, for all heads


def test_teachers_and_gradients_are_counted_once_each():
    teachers = [SHAPE, replace(SHAPE, layers=1)]
    phases = memory.distillation(SHAPE, teachers, [STEP], trial.LSM, 5, Layout(MemorySpec()))
    assert phases["training"]["teachers"] == sum(teacher.weights for teacher in teachers)
    assert phases["training"]["gradients"] == SHAPE.weights
    assert "gradients" not in phases["scoring"]
    assert memory.peak(phases) == max(sum(components.values()) for components in phases.values())


@pytest.mark.parametrize("objective", ["LSM", "SAMPLED", "FULL"])
def test_estimates_are_near_the_measured_peaks(objective):
    """Of live tensors; docs/planning.md has more cases, and models in bfloat16, which a CPU emulates."""
    shape = Shape(2048, 96, 512, 3, 6, 2, 16, tied=False, width=4)
    step = Step(rows=8, together=8, prompt=16, cap=48, tokens=512)
    for phase, estimated, measured in measure.phases(trial.Case("", shape, getattr(trial, objective), step)):
        assert 0.8 < estimated / measured < 1.3, (phase, estimated, measured)


@pytest.mark.parametrize(("objective", "width"), [("LSM", 2), ("LSM", 4), ("SAMPLED", 2), ("FULL", 2)])
def test_the_gradient_of_a_large_head_is_summed_in_float32_and_then_rounded(objective, width):
    """Measured where the head is most of the model, and a pass has few positions."""
    shape = Shape(16384, 1024, 256, 1, 8, 2, 64, tied=False, width=width)
    step = Step(rows=1, together=1, prompt=16, cap=32, tokens=48)
    case = trial.Case("", shape, getattr(trial, objective), step)
    ((estimated, measured),) = [sizes for phase, *sizes in measure.phases(case) if phase == "training"]
    assert estimated == pytest.approx(measured, rel=0.05)


def test_a_head_by_hand():
    """Three tiles of a model's logits beside the gradient's sum; or that sum and what it is rounded to."""
    gradient, tile = 100 * 8, 4 * 100 * STEP.positions
    assert memory.head(SHAPE, trial.SAMPLED, 5, STEP) == 3 * tile + 4 * gradient
    assert memory.head(SHAPE, trial.FULL, 5, STEP) == 6 * tile + 4 * gradient
    assert memory.head(SHAPE, trial.SAMPLED, 5, STEP, frozen=True) == 3 * tile
    few = replace(STEP, prompt=47, cap=1, tokens=0)
    assert memory.head(SHAPE, trial.SAMPLED, 5, few) == (4 + 2) * gradient
    assert memory.head(replace(SHAPE, width=4), trial.SAMPLED, 5, few) == 3 * 400 + 4 * gradient


@pytest.mark.parametrize("hold", [False, True])
def test_gradients_that_are_held_are_whole_on_the_device(hold):
    layout = Layout(MemorySpec(master_weights=True, offload=True, hold_gradients=hold), ranks=2)
    phases = memory.learning(SHAPE, [STEP], layout, [0])
    assert phases["training"]["gradients"] == (4 * SHAPE.parameters if hold else 0)
    assert phases["update"]["gradients"] == 0
