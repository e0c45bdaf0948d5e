"""maj@q against brute force over all subsets, and special cases."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from eval.statistics import maj_at_q, pass_at_q


def brute_force(labels, right, q):
    """The definition: enumerate the subsets, let them vote."""
    scores = []
    for subset in combinations(labels, q):
        votes = Counter(label for label in subset if label != -1)
        winners = [label for label, count in votes.items() if count == max(votes.values())]
        scores.append(1 / len(winners) if right in winners else 0)
    return np.mean(scores)


@pytest.mark.parametrize("seed", range(6))
def test_equals_brute_force(seed):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(5, 11))
    groups = rng.integers(-1, rng.integers(1, 6), (8, k))
    right = rng.integers(-1, 4, 8)
    for q in range(1, k + 1):
        expected = [
            brute_force(labels, label, q) if label >= 0 else 0
            for labels, label in zip(groups.tolist(), right.tolist(), strict=True)
        ]
        assert maj_at_q(groups, right, q) == pytest.approx(expected, abs=1e-12)


def test_one_vote_is_the_share_of_correct_samples():
    groups, right = np.array([[0, 0, 1, 2], [3, -1, -1, 3]]), np.array([0, 3])
    assert maj_at_q(groups, right, 1) == pytest.approx([0.5, 0.5])


def test_a_tie_is_shared():
    groups = np.array([[0, 0, 1, 1, 2, 2]])
    assert maj_at_q(groups, np.array([0]), 6) == pytest.approx([1 / 3])


def test_samples_without_an_answer_do_not_vote_but_take_places():
    assert maj_at_q(np.array([[7, -1, -1, -1]]), np.array([7]), 4) == pytest.approx([1])
    # Two of four: the answer is in half of the subsets, the others abstain and score 0.
    assert maj_at_q(np.array([[7, -1, -1, -1]]), np.array([7]), 2) == pytest.approx([0.5])
    assert maj_at_q(np.full((1, 4), -1), np.array([-1]), 2) == pytest.approx([0])


def test_alone_against_abstentions_it_is_pass_at_q():
    groups = np.array([[5] * 6 + [-1] * 58])
    for q in (1, 16, 64):
        assert maj_at_q(groups, np.array([5]), q) == pytest.approx(pass_at_q([6], 64, q))


def test_many_samples_agree_with_drawn_subsets():
    rng = np.random.default_rng(1)
    labels = np.concatenate([np.repeat([0, 1, 2], [40, 42, 20]), np.arange(3, 23), np.full(6, -1)])
    drawn = [
        brute_force(rng.choice(labels, 32, replace=False).tolist(), right=0, q=32) for _ in range(20_000)
    ]
    assert maj_at_q(labels[None], np.array([0]), 32)[0] == pytest.approx(np.mean(drawn), abs=0.01)


def test_majority_amplifies_what_is_usual():
    """The truth in a case that is known in closed form: two answers, an odd number of voters."""
    rng = np.random.default_rng(2)
    groups = (rng.random((20_000, 9)) < 0.4).astype(int)  # label 1 with probability 0.4
    p = 0.4
    expected = p**3 + 3 * p**2 * (1 - p)
    assert maj_at_q(groups, np.ones(20_000, int), 3).mean() == pytest.approx(expected, abs=0.005)


def test_more_votes_than_samples_are_refused():
    with pytest.raises(ValueError, match=r"maj@5 needs between 1 and k = 4"):
        maj_at_q(np.zeros((1, 4), int), np.array([0]), 5)
