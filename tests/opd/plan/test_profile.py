"""Shares by hand, and a profile of a tiny model."""

import pytest

from opd.plan import profile, work
from opd.plan.devices import Device
from opd.plan.step import Step
from opd.plan.trial import LSM, Case
from opd.plan.work import Phase

CARD = Device("a card", memory_gib=1.0, tera_operations_per_s=2.0, terabytes_per_s=0.5)
STEP = Step(rows=3, together=3, prompt=4, cap=6, tokens=64)


def test_shares_are_of_arithmetic_or_of_bandwidth_where_decoding_waits_for_it():
    assert profile.share(Phase(10, 1e12), 2.0, CARD) == "25 % of arithmetic"
    assert profile.share(Phase(10, 1e12, bytes_read=1e11), 2.0, CARD) == "10 % of bandwidth"


def test_lines_have_rates_of_generated_tokens_and_shares_of_the_step():
    took = {"training": (3.0, 7.0), "update": (1.0, 9.0)}
    training, update = profile.rows("m", took, {"training": Phase(30, 3e12)}, CARD)
    assert training == {
        "model": "m",
        "phase": "training",
        "seconds": "3.000",
        "share of step": "75 %",
        "tokens per s": "10",
        "TFLOP": "3.00",
        "of peak": "50 % of arithmetic",
        "peak MiB": "7",
    }
    assert (update["share of step"], update["TFLOP"], update["peak MiB"]) == ("25 %", "-", "9")


def test_prompts_count_at_their_whole_length():
    case = Case("tiny", profile.MODELS["tiny"], LSM, STEP)
    phases = profile.counted(case)
    assert {phase.tokens for phase in phases.values()} == {3 * 6}
    assert phases["scoring"].operations == pytest.approx(
        2 * (work.forward(case.shape, 3 * (4 + 6), (4 + 6) / 2) + 18 * 2 * case.shape.head_matrix)
    )


def test_every_phase_of_a_step_is_timed():
    took = profile.timed(Case("tiny", profile.MODELS["tiny"], LSM, STEP))
    assert list(took) == ["rollout", "scoring", "training", "update"]
    assert all(seconds > 0 and peak > 0 for seconds, peak in took.values())
