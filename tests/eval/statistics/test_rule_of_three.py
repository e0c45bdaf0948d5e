"""The interval of suites whose problems are all alike, against a search over what they may hide."""

import numpy as np
import pytest
from scipy import optimize, stats

from eval.statistics.rule_of_three import rule_of_three


def test_one_suite_has_the_exact_one_sided_binomial_bound():
    bound = stats.binomtest(0, 12, alternative="less").proportion_ci(0.9).high
    assert rule_of_three([np.zeros(12)], (0, 1), 0.9) == pytest.approx((0, bound))
    assert rule_of_three([np.full(12, 0.25)], (0, 1), 0.9)[1] == pytest.approx(0.25 + 0.75 * bound)


def test_equal_suites_are_one_suite_of_all_problems():
    low, high = rule_of_three([np.ones(4), np.ones(4), np.ones(4)], (0, 1))
    assert (low, high) == pytest.approx((0.05 ** (1 / 12), 1))


def test_suites_hide_together_what_is_not_less_probable_than_the_rest():
    counts, constants = np.array([3, 10, 40]), np.array([0.9, 0.3, 0.0])

    def largest(bound):
        """The mean's farthest value towards the bound, by a general optimiser from several starts."""
        way = bound - constants
        seen = {"type": "ineq", "fun": lambda q: counts @ np.log1p(-q) - np.log(0.05)}
        found = [
            optimize.minimize(
                lambda q: -abs(way) @ q, start, bounds=[(0, 0.999)] * 3, constraints=seen, method="SLSQP"
            ).x
            for start in ([0.01] * 3, [0.2, 0.1, 0.01], [0.5, 0.0, 0.0])
        ]
        return max(
            (np.mean(constants + way * q) for q in found), key=lambda mean: abs(mean - constants.mean())
        )

    found = rule_of_three([np.full(n, c) for n, c in zip(counts, constants, strict=True)], (0, 1))
    assert found == pytest.approx((largest(0), largest(1)), abs=1e-5)


def test_seeing_none_is_as_improbable_as_it_says():
    """At the bound, the chance that no problem of any suite differs is 5 %."""
    counts = np.array([5, 20])
    _, high = rule_of_three([np.zeros(5), np.zeros(20)], (0, 1))
    shares = np.linspace(0, 1, 100_001)
    other = np.clip(2 * high - shares, 0, 1)  # all pairs of shares with that mean
    chance = (1 - shares) ** counts[0] * (1 - other) ** counts[1]
    assert chance[shares <= 2 * high].max() == pytest.approx(0.05, rel=1e-3)
