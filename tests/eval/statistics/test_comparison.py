"""Two runs whose true difference is known."""

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from eval.statistics import compare, estimate, paired_difference, significance, zero_p


def simulate(rng, problems, k, gain):
    """(2, problems) shares of runs whose rates differ by `gain` on average, and by problem."""
    rates = rng.beta(1.5, 1.5, problems) * (1 - 2 * gain) + gain
    moved = np.clip(rates + gain * rng.choice([0, 2], problems), 0, 1)
    return rng.binomial(k, moved) / k, rng.binomial(k, rates) / k


@pytest.mark.parametrize(("problems", "k"), [(30, 16), (200, 1)])
def test_interval_holds_the_true_difference(problems, k):
    rng = np.random.default_rng(0)
    pairs = [simulate(rng, problems, k, 0.05) for _ in range(1000)]
    found = [estimate((first - second)[None], bounds=(-1, 1)) for first, second in pairs]
    assert 0.93 < np.mean([each.low <= 0.05 <= each.high for each in found]) < 0.97
    compared = [compare(*pair) for pair in pairs[:50]]
    assert [(c.low, c.high) for c in compared] == [(each.low, each.high) for each in found[:50]]
    assert np.mean([c.difference for c in compared]) == pytest.approx(0.05, abs=0.02)
    assert np.mean([(c.p < 0.05) == (not c.low <= 0 <= c.high) for c in compared]) > 0.9


def test_interval_and_p_agree_where_three_problems_differ():
    first = np.repeat([1.0, 0.0], [3, 497])
    found = compare(first, np.zeros(500))
    assert found.p == pytest.approx(0.25)
    assert found.low < 0 < found.high


def test_numbers_of_one_comparison():
    first, second = np.array([1, 0.5, 1, 0.0]), np.array([0.5, 0.5, 0.0, 0.0])
    found = compare(first, second)
    differences = np.array([0.5, 0, 1, 0])
    assert found.difference == pytest.approx(0.375)
    assert found.standard_error == pytest.approx(differences.std(ddof=1) / 2)
    power = TTestPower().power(found.detectable / differences.std(ddof=1), 4, 0.05)
    assert power == pytest.approx(0.8)
    assert found.p == pytest.approx(0.5)  # +-0.5 and +-1: two of four patterns are as far from 0


def test_suites_weigh_equally():
    first, second = np.array([1, 1, 0, 0, 0, 0.0]), np.array([0, 0.5, 0, 0, 0, 0.5])
    strata = np.array(list("aabbbb"))
    found = compare(first, second, strata)
    assert found.difference == pytest.approx((0.75 - 0.125) / 2)
    assert found.standard_error == estimate((first - second)[None], strata).standard_error


def test_p_and_detectable_difference_of_seeds():
    """Constant differences have no error: every sign pattern of ten, and no difference to detect."""
    first, second = np.random.default_rng(0).random((2, 3, 10))
    found = paired_difference(first, second)
    numbers = significance(found, (first - second).mean(0))
    assert numbers["p"] == zero_p(found)
    assert numbers["detectable"] > 2.8 * found.standard_error
    constant = significance(paired_difference(first + 0.1, first), np.full(10, 0.1))
    assert constant["p"] == constant["p_permutation"] == pytest.approx(2 / 2**10)
    assert np.isnan(constant["detectable"])
    assert np.isnan(compare(first[0], first[0]).detectable)


def test_other_problems_cannot_be_compared():
    with pytest.raises(ValueError, match="3 and 4 problems"):
        compare(np.zeros(3), np.zeros(4))
