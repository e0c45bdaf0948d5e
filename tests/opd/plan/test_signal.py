"""Scoring for the signal study, by hand."""

from dataclasses import replace

from opd.plan import memory, signal, work
from opd.plan.shape import HUB
from opd.plan.step import Step

STEP = Step(rows=64, together=64, prompt=1024, cap=2048, tokens=8192)
STUDENT, TEACHER = (HUB[f"Qwen/Qwen2.5-{size}-Instruct"].cut(151_665) for size in ("1.5B", "Math-7B"))


def test_both_models_stay_and_two_gradients_are_held():
    found = signal.phases(STUDENT, TEACHER, STEP, recompute=False)
    for components in found.values():
        assert (components["student"], components["teachers"]) == (STUDENT.weights, TEACHER.weights)
    assert found["gradient"]["gradients"] == 2 * STUDENT.weights
    assert found["rollout"]["cache"] == 64 * (1024 + 2048) * STUDENT.cache
    assert found["probe"]["cache"] == 64 * (1024 + 2 * 2048) * TEACHER.cache


def test_the_teacher_answers_twice_and_everything_is_read_twice():
    done = signal.done(STUDENT, TEACHER, STEP, recompute=False)
    once = round(64 * 2048 * work.MEAN_LENGTH)
    assert done["rollout"].tokens == once
    assert done["probe"].tokens == done["scoring"].tokens == done["gradient"].tokens == 2 * once
    assert done["gradient"].operations == 2 * work.supervised(STUDENT, False, STEP).operations


def test_fewer_responses_at_a_time_take_less_memory():
    few, many = (signal.phases(STUDENT, TEACHER, replace(STEP, together=n), True) for n in (8, 64))
    assert 8 * few["probe"]["cache"] == many["probe"]["cache"]
    assert 8 * few["probe"]["activations"] == many["probe"]["activations"]


def test_recomputed_layers_keep_less_and_cost_a_forward_pass_more():
    kept, recomputed = (
        memory.total(signal.phases(STUDENT, TEACHER, STEP, recompute)["gradient"])
        for recompute in (False, True)
    )
    assert recomputed < kept - 5 * 2**30
    done = signal.done(STUDENT, TEACHER, STEP, recompute=True)["gradient"]
    assert done.operations == 2 * work.supervised(STUDENT, True, STEP).operations
