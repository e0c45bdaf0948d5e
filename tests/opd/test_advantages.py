"""Advantages by hand, and the interpolation between token- and sequence-level estimators."""

import pytest
import torch

from opd.advantages import advantages, returns_to_go
from opd.scoring import Comparison, Scores
from opd.spec import AdvantageSpec

SEQUENCE = torch.tensor([0, 0, 0, 1, 1])
OLD = torch.tensor([-1.0, -2.0, -1.0, -4.0, -1.0])
TEACHER = torch.tensor([-0.5, -4.0, -1.0, -1.0, -9.0])
OUTCOME = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0])
REWARD = [0.5, -2.0, 0.0, 3.0, -8.0]


def scores(sampled: torch.Tensor) -> Scores:
    nothing = torch.zeros(5)
    return Scores(torch.zeros(5, 1, dtype=torch.long), torch.zeros(5, 1), nothing, sampled, nothing)


def found(baseline=None, **changes) -> list[float]:
    comparison = Comparison(scores(OLD), scores(TEACHER), torch.zeros(5, 1), expected_log_ratio=baseline)
    return advantages(AdvantageSpec(**changes), comparison, SEQUENCE, OUTCOME).tolist()


def test_plain_advantage_is_the_log_ratio():
    assert found() == REWARD


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_returns_to_go_stay_inside_their_sequence(gamma):
    expected = [
        REWARD[0] + gamma * REWARD[1] + gamma**2 * REWARD[2],
        REWARD[1] + gamma * REWARD[2],
        REWARD[2],
        REWARD[3] + gamma * REWARD[4],
        REWARD[4],
    ]
    assert found(gamma=gamma) == pytest.approx(expected)
    assert returns_to_go(torch.zeros(0), torch.zeros(0), gamma).tolist() == []


def test_clip_baseline_and_outcome():
    assert found(log_ratio_clip=2.5) == [0.5, -2.0, 0.0, 2.5, -2.5]
    assert found(outcome_weight=2.0) == [2.5, 0.0, 2.0, 3.0, -8.0]
    assert found(baseline=torch.full((5,), -1.0)) == REWARD  # given, but not asked for


def test_baseline_is_subtracted_when_asked_for():
    comparison = Comparison(
        scores(OLD), scores(TEACHER), torch.zeros(5, 1), expected_log_ratio=torch.full((5,), -1.0)
    )
    result = advantages(AdvantageSpec(baseline=True), comparison, SEQUENCE, OUTCOME)
    assert result.tolist() == [value + 1 for value in REWARD]
