"""Advantages by hand, between token- and sequence-level estimators, as a KL penalty, and their weights."""

from itertools import product

import pytest
import torch
from pydantic import ValidationError

from opd.advantages import advantages, returns_to_go, truncated_importance_weights
from opd.objectives import policy_gradient
from opd.scoring.compare import Comparison, Scores
from opd.spec import AdvantageSpec

SEQUENCE = torch.tensor([0, 0, 0, 1, 1])
OLD = torch.tensor([-1.0, -2.0, -1.0, -4.0, -1.0])
TEACHER = torch.tensor([-0.5, -4.0, -1.0, -1.0, -9.0])
CREDIT = torch.tensor([1.0, -0.5])
REWARD = [0.5, -2.0, 0.0, 3.0, -8.0]


def comparison(old: torch.Tensor, teacher: torch.Tensor, baseline: torch.Tensor | None = None) -> Comparison:
    nothing = torch.zeros(len(old), 1)
    student, guide = (Scores(nothing.long(), nothing, each, each, each) for each in (old, teacher))
    return Comparison(student, guide, nothing, expected_log_ratio=baseline)


def found(expected=None, **changes) -> list[float]:
    return advantages(AdvantageSpec(**changes), comparison(OLD, TEACHER, expected), SEQUENCE, CREDIT).tolist()


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
    assert found(outcome_weight=2.0) == [2.5, 0.0, 2.0, 2.0, -9.0]
    assert found(torch.full((5,), -1.0)) == REWARD  # given, but not asked for


def test_baseline_is_subtracted_when_asked_for():
    expected = torch.full((5,), -1.0)
    assert found(expected, baseline=True) == [value + 1 for value in REWARD]
    assert found(expected, baseline=True, log_ratio_clip=2.5) == [1.5, -1.0, 1.0, 3.5, -1.5]


@pytest.mark.parametrize("clip", [None, 0.3])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_a_baseline_leaves_the_expected_gradient_and_makes_advantages_smaller(gamma, clip):
    """Over all responses of two tokens, against sum_t d(log p_t) times the expected rewards to go."""
    draw = torch.Generator().manual_seed(3)
    theta = torch.randn(4, 3, generator=draw, dtype=torch.float64, requires_grad=True)
    p, q = (x.log_softmax(-1) for x in (theta, torch.randn(4, 3, generator=draw, dtype=torch.float64)))
    reward = q - p.detach()
    kept = reward if clip is None else reward.clamp(-clip, clip)
    # From the definition: what the first token earns itself, and gamma times what is expected to follow.
    later = (p.detach().exp() * kept).sum(-1)[1:]
    goal = (p[0].exp() * (kept[0] + gamma * later)).sum()
    goal = goal + (p[0].detach().exp()[:, None] * p[1:].exp() * kept[1:]).sum()
    ascent = torch.autograd.grad(goal, theta, retain_graph=True)[0]

    places = [at for a, b in product(range(3), repeat=2) for at in ((0, a), (1 + a, b))]
    rows = [row for row, _ in places]
    taken, taught = (torch.stack([x[at] for at in places]) for x in (p, q))
    sequence = torch.arange(9).repeat_interleave(2)
    chance = taken.detach().view(9, 2).sum(-1).exp()[sequence]
    own = (p.detach().exp() * reward).sum(-1)[rows]
    sizes = []
    for baseline in (False, True):
        spec = AdvantageSpec(gamma=gamma, baseline=baseline, log_ratio_clip=clip)
        advantage = advantages(spec, comparison(taken.detach(), taught, own), sequence, torch.zeros(9))
        result = torch.autograd.grad((chance * advantage * taken).sum(), theta, retain_graph=True)[0]
        torch.testing.assert_close(result, ascent, rtol=1e-12, atol=1e-14)
        sizes.append((chance * advantage**2).sum())
    assert clip or sizes[1] < sizes[0]


def test_weights():
    assert found(log_ratio_weight=0.0, outcome_weight=3.0) == [3.0, 3.0, 3.0, -1.5, -1.5]
    assert found(log_ratio_weight=0.5, outcome_weight=1.0) == [1.25, 0.0, 1.0, 1.0, -4.5]


def test_log_ratio_to_the_start_is_a_kl_penalty():
    """Over all responses of two tokens: the gradient of E[outcome] - weight x KL(p || q) of sequences."""
    weight, draw = 0.3, torch.Generator().manual_seed(5)
    theta = torch.randn(4, 3, generator=draw, dtype=torch.float64, requires_grad=True)
    start = torch.randn(4, 3, generator=draw, dtype=torch.float64)
    worth = torch.rand(9, generator=draw, dtype=torch.float64)
    places = [at for a, b in product(range(3), repeat=2) for at in ((0, a), (1 + a, b))]
    p, q = (torch.stack([x.log_softmax(-1)[at] for at in places]) for x in (theta, start))

    log_p, log_q = p.view(9, 2).sum(-1), q.view(9, 2).sum(-1)
    goal = (log_p.exp() * (worth - weight * (log_p - log_q))).sum()
    ascent = torch.autograd.grad(goal, theta, retain_graph=True)[0]

    spec = AdvantageSpec(log_ratio_weight=weight, gamma=1.0, outcome_weight=1.0)
    sequence = torch.arange(9).repeat_interleave(2)
    advantage = advantages(spec, comparison(p.detach(), q), sequence, worth)
    loss = policy_gradient(p, p.detach(), advantage, dual_clip=100.0)
    result = torch.autograd.grad((log_p.detach().exp()[sequence] * loss).sum(), theta)[0]
    torch.testing.assert_close(result, -ascent, rtol=1e-10, atol=1e-12)


def test_weights_turn_the_engines_expectation_into_the_trainers():
    """Over all tokens of a vocabulary: exact with a high cap, and min(p, cap p_rollout) with a low one."""
    trainer, rollout = (
        torch.randn(7, generator=torch.Generator().manual_seed(s)).double().log_softmax(-1) for s in (0, 1)
    )
    value = torch.arange(7.0).double()
    for cap in (100.0, 1.3):
        weights = truncated_importance_weights(rollout, trainer, cap)
        found = (rollout.exp() * weights * value).sum()
        expected = (trainer.exp().minimum(cap * rollout.exp()) * value).sum()
        torch.testing.assert_close(found, expected)
    assert (trainer - rollout).exp().max() > 1.3


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        ({"log_ratio_weight": 0}, "are both 0; write one of them"),
        ({"log_ratio_weight": 0, "outcome_weight": 1, "gamma": 1.0}, "would ignore gamma; remove gamma"),
        ({"log_ratio_weight": 0, "outcome_weight": 1, "baseline": True}, "would ignore baseline"),
        ({"log_ratio_weight": 0, "outcome_weight": 1, "log_ratio_clip": 5}, "would ignore log_ratio_clip"),
        ({"credit": {"baseline": "group"}}, "outcome_weight 0 would ignore credit"),
        ({"outcome_weight": -1}, "greater than or equal to 0"),
        ({"importance_cap": 0.5}, "greater than or equal to 1"),
    ],
)
def test_impossible_specs(knobs, sentence):
    with pytest.raises(ValidationError, match=sentence):
        AdvantageSpec(**knobs)
