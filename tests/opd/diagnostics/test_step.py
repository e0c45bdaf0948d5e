"""Diagnostics with answers known by hand."""

import math

import pytest
import torch

from opd.batch import from_pairs
from opd.diagnostics.step import diagnose, gap_by_position, mass, observe, overlap, repeated_trigrams
from opd.run.machine import peak_bytes
from opd.scoring.compare import Comparison, Scores


def test_repeated_trigrams():
    periodic = from_pairs([([1], [5, 6, 5, 6, 5, 6])], pad_id=0)
    # trigrams 565, 656, 565, 656: the last two were seen before
    assert repeated_trigrams(periodic) == pytest.approx(2 / 6)
    fresh = from_pairs([([5, 6, 7], [5, 6, 7]), ([1], [5, 6, 7])], pad_id=0)
    assert repeated_trigrams(fresh) == 0


def test_overlap():
    first = torch.tensor([[1, 2, 3, 4], [1, 2, 3, 4]])
    second = torch.tensor([[4, 3, 9, 8], [7, 6, 9, 8]])
    assert overlap(first, second).tolist() == [0.5, 0]


def test_overlap_of_many_positions():
    """Against sets; in parts, as the pairs of all positions at once took more than the scores."""
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.rand(10_000, 24, generator=generator).topk(16).indices for _ in range(2))
    found = []
    peak = peak_bytes(lambda: found.append(overlap(first, second)), first.device)
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    assert found[0].tolist() == [len({*a} & {*b}) / 16 for a, b in pairs]
    assert peak < first.nbytes


def test_mass():
    assert mass(torch.log(torch.tensor([[0.5, 0.25], [0.1, 0.2]]))).tolist() == pytest.approx([0.75, 0.3])


def test_gap_by_position():
    gap = torch.tensor([1.0, 3.0, 5.0, 7.0])
    buckets = gap_by_position(gap, torch.tensor([0, 1, 2, 15]), cap=16)
    assert buckets == [2.0, 5.0, None, None, None, None, None, 7.0]


def test_diagnose_counts_caps_gaps_and_rewards():
    batch = from_pairs([([1], [5, 6]), ([1], [7, 8, 9, 3])], pad_id=0)
    student = torch.tensor([-1.0, -2.0, -1.0, -2.0, -3.0, -1.0])
    teacher = torch.tensor([-0.5, -3.0, -1.0, -1.0, -1.0, -4.0])
    ids = torch.tensor([[1, 2]] * 6)
    third = torch.full((6, 2), math.log(1 / 3))
    metrics = diagnose(
        batch,
        finished=torch.tensor([True, False]),
        observed=observe(
            Comparison(
                student=Scores(ids, third, student, student, torch.full((6,), 1.5)),
                teacher=Scores(ids, third, teacher, teacher, torch.ones(6)),
                student_on_teacher_top=third,
            )
        ),
        cap=8,
    )
    assert metrics["cap_share"] == 0.5
    assert metrics["response_length"] == 3
    assert metrics["gap"] == pytest.approx((0.5 - 1 + 0 + 1 + 2 - 3) / 6)
    assert metrics["positive_reward_share"] == pytest.approx(3 / 6)
    assert metrics["gap_by_position"][:4] == pytest.approx([0.25, 0.0, 2.0, -3.0])
    assert metrics["student_mass"] == pytest.approx(2 / 3)
    assert metrics["overlap"] == 1
    assert metrics["entropy"] == 1.5
