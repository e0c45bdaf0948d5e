"""Operations, bytes and seconds by hand."""

from dataclasses import replace

import pytest

from opd.plan import trial, work
from opd.plan.devices import (
    BANDWIDTH_SHARE,
    COPY_BYTES_PER_S,
    HOST_BYTES_PER_S,
    SCORING_SHARE,
    TRAINING_SHARE,
    Device,
)
from opd.plan.shape import Shape
from opd.plan.step import Step
from opd.plan.work import Phase
from opd.spec import MemorySpec

SHAPE = Shape(
    vocabulary=100, hidden=8, intermediate=20, layers=3, heads=4, key_value_heads=2, head_width=2, tied=False
)
STEP = Step(rows=4, together=2, prompt=6, cap=10)
CARD = Device("a card", memory_gib=1.0, tera_operations_per_s=2.0, terabytes_per_s=0.5)
MATRICES = 3 * (2 * 8 * (8 + 4) + 3 * 8 * 20)


def test_a_forward_pass_multiplies_and_looks_back():
    assert work.forward(SHAPE, 5, 7) == 5 * (2 * MATRICES + 4 * 3 * 8 * 7)


def test_scoring_reads_prompts_and_asks_for_all_logits_at_responses():
    found = work.scoring(SHAPE, SHAPE, STEP, length=0.5)
    assert found.tokens == 4 * 5
    assert found.operations == 2 * (work.forward(SHAPE, 4 * (5 + 3), 4.0) + 20 * 2 * 800)


def test_training_on_a_support_spares_the_head_and_checkpointing_costs_a_pass():
    forward = work.forward(SHAPE, 4 * (5 + 3), 4.0)
    assert work.training(SHAPE, SHAPE, trial.LSM, False, STEP, 0.5).operations == 3 * forward
    assert work.training(SHAPE, SHAPE, trial.LSM, True, STEP, 0.5).operations == 4 * forward
    all_logits = work.training(SHAPE, SHAPE, trial.SAMPLED, False, STEP, 0.5).operations
    assert all_logits == 3 * forward + 20 * 8 * 800
    wide = replace(SHAPE, hidden=16)  # a teacher's head of 100 x 16, whose logits are made twice
    over_all = work.training(SHAPE, wide, trial.FULL, False, STEP, 0.5).operations
    assert over_all == all_logits + 20 * 2 * 2 * 1600
    assert work.supervised(SHAPE, False, STEP, 0.5).operations == all_logits
    assert work.supervised(SHAPE, True, STEP, 0.5).operations == all_logits + forward


def test_decoding_reads_all_weights_per_round_and_the_cache_per_token():
    paged = work.rollout(SHAPE, STEP, "vllm", 0.5)
    cache = 20 * (3 + 2.5) * SHAPE.cache
    assert paged.bytes_read == pytest.approx(20 / 2 * SHAPE.weights + cache)
    # Two batches of the torch engine go on until the cap.
    assert work.rollout(SHAPE, STEP, "torch", 0.5).bytes_read == pytest.approx(2 * 10 * SHAPE.weights + cache)
    # Nothing waits behind a single batch, so vLLM goes on until the cap, too.
    alone = work.rollout(SHAPE, replace(STEP, together=4), "vllm", 0.5)
    assert alone.bytes_read == pytest.approx(10 * SHAPE.weights + cache)


def test_who_waits_for_all_answers_of_a_turn_waits_for_the_longest():
    """Four answers in two turns of two: each turn goes on until the cap, with either engine."""
    for engine in ("torch", "vllm"):
        turns = work.rollout_in_rounds(SHAPE, STEP, engine, 0.5)
        assert turns == work.times(work.rollout(SHAPE, replace(STEP, rows=2), engine, 0.5), 2)
        assert turns.bytes_read == work.rollout(SHAPE, STEP, "torch", 0.5).bytes_read
    assert turns.tokens == work.rollout(SHAPE, STEP, "vllm", 0.5).tokens


def test_seconds_are_the_slower_of_computing_and_reading_unless_measured():
    assert Phase(10, 2e12, 0, TRAINING_SHARE).seconds(CARD) == pytest.approx(1 / TRAINING_SHARE)
    assert Phase(10, 2e12, 5e12).seconds(CARD) == pytest.approx(10 / BANDWIDTH_SHARE)
    assert Phase(10, 2e12, 0).seconds(CARD) == pytest.approx(1 / SCORING_SHARE)
    assert Phase(10, 0, 0, least_s=9.0).seconds(CARD) == 9.0
    assert Phase(10, 2e12, 5e12).seconds(CARD, rate=4.0) == 2.5
    phases = {"rollout": Phase(10, 0, 0, least_s=9.0), "training": Phase(10, 2e12, 0)}
    assert work.seconds(phases, CARD, {"training": 5.0}) == 11.0


def test_copies_go_on_while_a_device_computes_and_the_host_s_part_comes_after():
    copied = 3 * COPY_BYTES_PER_S
    assert Phase(0, 2e12, share=1.0, copied=copied).seconds(CARD) == pytest.approx(3)
    assert Phase(0, 10e12, share=1.0, copied=copied).seconds(CARD) == pytest.approx(5)
    assert Phase(0, 0, copied=copied, on_host=2 * HOST_BYTES_PER_S).seconds(CARD) == pytest.approx(5)


def test_an_update_by_hand():
    """Of 2e9 weights in float32: on a card 24 times 8 GB at 0.3 TB/s; offloaded, 8 GB at 25 GB/s, 80 at 40.

    After five passes whose gradients were not held: five times 8 GB at 25, and four additions of 24.
    """
    assert work.update(8 * 10**9, MemorySpec(), 5).seconds(CARD) == pytest.approx(24 * 8 / 300)
    held = work.update(8 * 10**9, MemorySpec(offload=True, hold_gradients=True), 5)
    assert held.seconds(CARD) == pytest.approx(8 / 25 + 10 * 8 / 40)
    every = work.update(8 * 10**9, MemorySpec(offload=True), 5)
    assert every.seconds(CARD) == pytest.approx(5 * 8 / 25 + (10 * 8 + 4 * 24) / 40)


def test_passes_take_whole_sequences_of_one_minibatch():
    step = Step(rows=12, together=12, prompt=6, cap=10, tokens=25)  # of 5 + 3 tokens at half the cap
    assert work.passes(step, updates=2, length=0.5) == 2 * 2
    assert work.passes(step, updates=3, length=0.5) == 3 * 2
    assert work.passes(replace(step, tokens=0), updates=2, length=0.5) == 2 * 3  # at least the longest: 16
    assert work.passes(step, updates=12, length=1.0) == 12


def test_phases_add_up():
    one = work.rollout(SHAPE, STEP, "torch")
    assert work.times(one, 3) == work.together([one, one, one])
    assert work.times(Phase(1, 2, 3, 0.5, 4, 5, 6), 2) == Phase(2, 4, 6, 0.5, 8, 10, 12)
