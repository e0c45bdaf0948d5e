"""Two runs whose true difference is known."""

import numpy as np
import pytest

from eval.statistics import compare, estimate, mean_interval, paired_difference, significance, zero_p


def simulate(rng, problems, k, gain):
    """(2, problems) shares of runs whose rates differ by `gain` on average, and by problem."""
    rates = rng.beta(1.5, 1.5, problems) * (1 - 2 * gain) + gain
    moved = np.clip(rates + gain * rng.choice([0, 2], problems), 0, 1)
    return rng.binomial(k, moved) / k, rng.binomial(k, rates) / k


@pytest.mark.parametrize(("problems", "k"), [(30, 16), (200, 1)])
def test_interval_holds_the_true_difference(problems, k):
    rng = np.random.default_rng(0)
    pairs = [simulate(rng, problems, k, 0.05) for _ in range(1000)]
    intervals = [
        mean_interval(first - second, bounds=(-1, 1), resamples=1000, seed=seed)
        for seed, (first, second) in enumerate(pairs)
    ]
    assert 0.93 < np.mean([low <= 0.05 <= high for low, high in intervals]) < 0.97
    found = [compare(*pair) for pair in pairs[:50]]
    assert np.mean([c.difference for c in found]) == pytest.approx(0.05, abs=0.02)
    assert np.mean([(c.p < 0.05) == (not c.low <= 0 <= c.high) for c in found]) > 0.9


def test_numbers_of_one_comparison():
    first, second = np.array([1, 0.5, 1, 0.0]), np.array([0.5, 0.5, 0.0, 0.0])
    found = compare(first, second)
    differences = np.array([0.5, 0, 1, 0])
    assert found.difference == pytest.approx(0.375)
    assert found.standard_error == pytest.approx(differences.std(ddof=1) / 2)
    assert found.detectable == pytest.approx(2.8016 * found.standard_error, rel=1e-4)
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


def test_other_problems_cannot_be_compared():
    with pytest.raises(ValueError, match="3 and 4 problems"):
        compare(np.zeros(3), np.zeros(4))
