"""Credit by hand, against plain loops, against TRL's formula, and its gradient on average."""

import math
from itertools import product
from statistics import fmean

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from opd.advantages import advantages
from opd.batch import from_pairs
from opd.credit import credit, share_without_signal, with_signal
from opd.experience import Experience
from opd.objectives import policy_gradient
from opd.scoring.compare import Comparison, Scores
from opd.spec import AdvantageSpec, CreditSpec

DR_GRPO = {"baseline": "group"}
GRPO = {"baseline": "group", "standardise": True}
STEPS = {"step_weight": 1.0, "step_gamma": 0.95}
SPECS = [
    {"invalid_penalty": 0.1},
    DR_GRPO,
    GRPO,
    {**DR_GRPO, **STEPS, "invalid_penalty": 0.1},
    {**GRPO, "step_weight": 0.5, "step_gamma": 0.8, "invalid_penalty": 0.1},
]


def experience(*episodes) -> Experience:
    """Rows of episodes, each a group and its turns: (state, reward, valid)."""
    rows = [
        (number, place, group, *turn)
        for number, (group, turns) in enumerate(episodes)
        for place, turn in enumerate(turns)
    ]
    episode, turn, group, state, reward, valid = zip(*rows, strict=True)
    return Experience(
        batch=from_pairs([([1], [2])] * len(rows), 0),
        rollout_log_prob=torch.zeros(len(rows)),
        finished=torch.ones(len(rows), dtype=torch.bool),
        episode=torch.tensor(episode),
        turn=torch.tensor(turn),
        group=torch.tensor(group),
        state=torch.tensor(state),
        reward=torch.tensor(reward, dtype=torch.float64),
        valid=torch.tensor(valid),
    )


# Group 0: won in two turns; lost in three, the second invalid. Group 1: lost at once, twice.
GAMES = experience(
    (0, [(0, 0.0, True), (1, 1.0, True)]),
    (0, [(0, 0.0, True), (1, 0.0, False), (2, 0.0, True)]),
    (1, [(0, 0.0, True)]),
    (1, [(0, 0.0, True)]),
)


def found(games: Experience = GAMES, **spec) -> list[float]:
    return credit(CreditSpec(**spec), games).tolist()


def test_outcome_is_the_return_of_the_episode():
    assert found() == [1, 1, 0, 0, 0, 0, 0]
    assert found(invalid_penalty=0.25) == [1, 1, 0, -0.25, 0, 0, 0]


def test_each_episode_counts_once():
    assert found(**DR_GRPO) == pytest.approx([0.5, 0.5, -0.5, -0.5, -0.5, 0, 0], rel=1e-12)


def test_grpo_divides_by_the_sample_deviation():
    one = 0.5 / (math.sqrt(0.5) + 1e-6)
    assert found(**GRPO) == pytest.approx([one, one, -one, -one, -one, 0, 0], rel=1e-12)


def test_gigpo_by_hand():
    # Episodes: scores 1, 1 and 0, -0.1, 0, so means 1 and -1/30. States: 0.95 and 0; 1 and -0.1; 0 alone.
    mean = (1 - 1 / 30) / 2
    episode = [1 - mean, 1 - mean, -mean, -0.1 - mean, -mean]
    step = [0.475, 0.55, -0.475, -0.55, 0]
    expected = [a + b for a, b in zip(episode, step, strict=True)]
    assert found(**DR_GRPO, **STEPS, invalid_penalty=0.1) == pytest.approx([*expected, 0, 0], rel=1e-12)
    assert expected == pytest.approx([0.991667, 1.066667, -0.958333, -1.133333, -0.483333], abs=1e-6)

    # Two episodes: the variance divides by 1. Each row weighs 1 / 2 in the first, 1 / 3 in the second.
    spread = math.sqrt((1 - mean) ** 2 + (2 * mean**2 + (0.1 + mean) ** 2) / 3)
    half = math.sqrt(0.5)
    expected = [a / spread + b for a, b in zip(episode, [half, half, -half, -half, 0], strict=True)]
    standardised = found(**GRPO, **STEPS, invalid_penalty=0.1)
    assert standardised == pytest.approx([*expected, 0, 0], rel=1e-5)


def test_nothing_to_compare_is_zero():
    lost, won = (0, 0.0, True), (1, 0.7, True)
    same = experience((0, [lost, lost, won]), (0, [lost, lost, lost, won]), (7, [lost, won]))
    for spec in (DR_GRPO, GRPO):
        assert found(same, **spec) == [0] * 9
    alone = experience((0, [(0, 0.3, True)]), (4, [(0, 1.0, False)]))
    assert found(alone, **GRPO, **STEPS, invalid_penalty=0.1) == [0, 0]


def test_groups_without_signal():
    assert share_without_signal(GAMES) == 0.5
    assert share_without_signal(experience((3, [(0, 1.0, True)]))) == 1
    assert share_without_signal(experience((3, [(0, 1.0, True)]), (3, [(0, 0.0, True)]))) == 0


def test_a_group_has_signal_where_its_returns_differ():
    assert with_signal(GAMES).tolist() == [1, 1, 1, 1, 1, 0, 0]
    assert with_signal(experience((3, [(0, 1.0, True)]), (3, [(0, 1.0, False)]))).tolist() == [0, 0]


def by_loops(spec: CreditSpec, games: Experience) -> list[float]:
    """The same from its definition, row by row."""
    columns = (games.episode, games.turn, games.group, games.state, games.reward, games.valid)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))

    def penalty(row):
        return 0 if row[5] else spec.invalid_penalty

    def to_go(row, gamma):
        return sum(gamma ** (r[1] - row[1]) * r[4] for r in rows if r[0] == row[0] and r[1] >= row[1])

    def score(row):
        return sum(r[4] for r in rows if r[0] == row[0]) - penalty(row)

    def step(row):
        return to_go(row, spec.step_gamma) - penalty(row)

    def scaled(value, samples):
        """`samples`: a list of scores per episode, or per row."""
        mean = fmean(fmean(sample) for sample in samples)
        if not spec.standardise:
            return value - mean
        spread = sum(fmean((each - mean) ** 2 for each in sample) for sample in samples)
        return (value - mean) / (math.sqrt(spread / max(len(samples) - 1, 1)) + 1e-6)

    results = []
    for row in rows:
        result = score(row)
        if spec.baseline == "group":
            members = sorted({r[0] for r in rows if r[2] == row[2]})
            result = scaled(result, [[score(r) for r in rows if r[0] == member] for member in members])
        if spec.step_weight:
            peers = [[step(r)] for r in rows if (r[2], r[3]) == (row[2], row[3])]
            result += spec.step_weight * scaled(step(row), peers)
        results.append(result)
    return results


turns = st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.5, 1.0, -0.25]), st.booleans())
random_games = st.lists(st.tuples(st.integers(0, 2), st.lists(turns, min_size=1, max_size=4)), min_size=1)


@pytest.mark.parametrize("knobs", SPECS)
@settings(max_examples=40, deadline=None)
@given(episodes=random_games)
def test_plain_loops_give_the_same(knobs, episodes):
    games = experience(*episodes)
    assert found(games, **knobs) == pytest.approx(by_loops(CreditSpec(**knobs), games), abs=1e-8)


@pytest.mark.parametrize("knobs", SPECS)
@settings(max_examples=20, deadline=None)
@given(episodes=random_games, seed=st.integers(0, 999))
def test_order_and_labels_do_not_matter(knobs, episodes, seed):
    games = experience(*episodes)
    order = torch.randperm(len(games.turn), generator=torch.Generator().manual_seed(seed))
    moved = games.rows(order)
    names = torch.tensor([5, 0, 9])
    renamed = Experience(
        **vars(moved)
        | {"group": names[moved.group], "state": -moved.state, "episode": 50 - 3 * moved.episode}
    )
    expected = credit(CreditSpec(**knobs), games)[order].tolist()
    assert credit(CreditSpec(**knobs), renamed).tolist() == pytest.approx(expected, abs=1e-9)
    assert share_without_signal(renamed) == share_without_signal(games)


def test_single_turns_as_trl():
    """Advantage of TRL's GRPOTrainer (grpo_trainer.py at f2cd577, scale_rewards "group"), but its epsilon."""
    reward = torch.tensor([1.0, 0, 0, 0, 1, 1, 0, 1, 0.5, 0.25, 1, 0], dtype=torch.float64)
    grouped = reward.view(-1, 4)
    deviation = grouped.std(dim=1, keepdim=True)  # unbiased, as its nanstd
    expected = ((grouped - grouped.mean(dim=1, keepdim=True)) / (deviation + 1e-6)).flatten()
    games = experience(*((row // 4, [(0, value, True)]) for row, value in enumerate(reward.tolist())))
    assert found(games, **GRPO) == pytest.approx(expected.tolist(), rel=1e-12)


def expected_gradient(
    size: int, spec: AdvantageSpec, theta: torch.Tensor, worth: torch.Tensor
) -> torch.Tensor:
    """The objective's gradient, averaged over all groups of `size` two-turn episodes that `theta` may play.

    theta (1 + A, A): logits of the first action, then of the second after each first; `worth` (A, A).
    """
    actions = range(theta.shape[1])
    plays = list(product(product(actions, actions), repeat=size))
    games = experience(
        *(
            (number, [(0, 0.0, True), (1 + first, worth[first, second].item(), True)])
            for number, group in enumerate(plays)
            for first, second in group
        )
    )
    log_p = theta.log_softmax(-1)
    taken = torch.stack([log_p[at] for group in plays for a, b in group for at in ((0, a), (1 + a, b))])
    old = taken.detach()
    nothing = torch.zeros(len(old), 1)
    student, teacher = (Scores(nothing.long(), nothing, old, old, old) for _ in range(2))
    sequence = torch.arange(len(old))
    advantage = advantages(spec, Comparison(student, teacher, nothing), sequence, credit(spec.credit, games))
    loss = policy_gradient(taken, old, advantage)
    chance = old.view(len(plays), -1).sum(-1).exp()
    return torch.autograd.grad((chance[:, None] * loss.view(len(plays), -1) / size).sum(), theta)[0]


@pytest.mark.parametrize(
    ("size", "knobs", "share"),
    [(1, {}, 1.0), (2, {}, 1.0), (2, DR_GRPO, 1 / 2), (3, DR_GRPO, 2 / 3)],
)
def test_expected_gradient_is_that_of_the_expected_return(size, knobs, share):
    """A mean over G episodes that holds one's own leaves (G - 1) / G of it; nothing else changes."""
    draw = torch.Generator().manual_seed(3)
    theta = torch.randn(4, 3, generator=draw, dtype=torch.float64, requires_grad=True)
    worth = torch.rand(3, 3, generator=draw, dtype=torch.float64)
    log_p = theta.log_softmax(-1)
    value = ((log_p[0][:, None] + log_p[1:]).exp() * worth).sum()
    ascent = torch.autograd.grad(value, theta)[0]

    spec = AdvantageSpec(log_ratio_weight=0, outcome_weight=1, credit=CreditSpec(**knobs))
    result = expected_gradient(size, spec, theta, worth)
    torch.testing.assert_close(result, -share * ascent, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        ({"only_groups_with_signal": True}, "only_groups_with_signal compares within a group"),
        ({"standardise": True}, "standardise compares within a group; write baseline: group"),
        (STEPS, "step_weight compares within a group; write baseline: group"),
        ({**DR_GRPO, "step_weight": 1.0}, "step_gamma goes with a step_weight above 0"),
        ({**DR_GRPO, "step_gamma": 0.9}, "step_gamma goes with a step_weight above 0"),
        ({"invalid_penalty": -0.1}, "greater than or equal to 0"),
    ],
)
def test_impossible_specs(knobs, sentence):
    with pytest.raises(ValidationError, match=sentence):
        CreditSpec(**knobs)


def test_another_baseline_is_named():
    spec = CreditSpec().model_copy(update={"baseline": "leave_one_out"})
    with pytest.raises(ValueError, match="unknown baseline 'leave_one_out'"):
        credit(spec, GAMES)
