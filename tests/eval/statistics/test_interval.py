"""Intervals: against scipy, on constants, and their coverage of a known truth."""

import numpy as np
import pytest
from scipy import stats

from eval.statistics import bootstrap_interval, estimate, mean_interval
from eval.statistics.bootstrap import resampled_means
from eval.statistics.coverage import candidates, coverage, used


@pytest.fixture
def shares():
    return np.random.default_rng(0).binomial(4, np.random.default_rng(1).beta(0.5, 1.5, 400)) / 4


def test_bootstrap_is_scipys_where_problems_are_many(shares):
    expected = stats.bootstrap((shares,), np.mean, n_resamples=50_000, method="BCa", rng=2)
    found = bootstrap_interval(shares, resamples=50_000)
    assert found == pytest.approx(expected.confidence_interval, abs=0.02 * expected.standard_error * 2)


def test_bootstrap_of_a_symmetric_sample_is_the_t_interval():
    values = stats.norm.ppf(np.arange(1, 41) / 41)
    found = estimate(values[None])
    low, high = bootstrap_interval(values, resamples=200_000)
    assert (low, high) == pytest.approx((found.low, found.high), abs=0.02 * (high - low))


def test_resampled_means_are_those_of_resampled_problems():
    """Counting distinct values gives the distribution that drawing problems gives."""
    parts = [np.array([0, 0, 0.5, 1.0]), np.array([0.25, 1.0])]
    rng = np.random.default_rng(0)
    expected = np.mean([rng.choice(part, (100_000, len(part))).mean(1) for part in parts], axis=0)
    found = resampled_means(parts, 100_000, rng)
    levels = np.unique(np.round(expected, 9))
    assert np.array_equal(np.unique(np.round(found, 9)), levels)
    assert stats.ks_2samp(np.round(found, 9), np.round(expected, 9)).pvalue > 0.01


def test_strata_are_resampled_apart():
    """Suites that differ in level do not widen the interval of their mean."""
    rng = np.random.default_rng(0)
    easy, hard = rng.binomial(4, 0.9, 200) / 4, rng.binomial(4, 0.1, 50) / 4
    values, strata = np.concatenate([easy, hard]), np.repeat([0, 1], [200, 50])
    low, high = mean_interval(values, strata)
    found = estimate(values[None], strata)
    assert found.mean == pytest.approx((easy.mean() + hard.mean()) / 2)
    assert high - low == pytest.approx(found.high - found.low, rel=0.05)
    assert low < found.mean < high


def test_few_problems_take_the_t_interval():
    values = np.array([0.2, 0.4, 0.9, 0.7])
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert expected.high > 1
    assert mean_interval(values) == pytest.approx((expected.low, 1))


def test_constant_scores_are_not_certain():
    """None of 30 solved: the rule of three, which is the exact one-sided binomial bound."""
    bound = stats.binomtest(0, 30, alternative="less").proportion_ci(0.95).high
    assert mean_interval(np.zeros(30)) == pytest.approx((0, bound))
    assert mean_interval(np.ones(30)) == pytest.approx((1 - bound, 1))
    with pytest.raises(ValueError, match="all values are equal"):
        bootstrap_interval(np.zeros(30))


def test_the_same_values_give_the_same_interval(shares):
    assert mean_interval(shares) == mean_interval(shares.copy())


def test_values_outside_their_bounds_are_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        mean_interval(np.array([-0.5, 0.5]))


@pytest.mark.parametrize("shape", [(1, 1), (0.4, 1.6)])
@pytest.mark.parametrize(("problems", "k"), [(30, 16), (500, 4)])
def test_coverage(problems, k, shape):
    """Standard error of the coverage: 0.5 points."""
    assert 0.93 < coverage(problems, k, shape, 2000, used)["used"] < 0.97


def test_independent_samples_are_an_illusion():
    found = coverage(30, 16, (1, 1), 300, candidates)
    # Var(mean) = (1/12 + 1/6/k) / N where independent samples would have 1/4/(N k).
    too_narrow = (1 / 4 / (16 / 12 + 1 / 6)) ** 0.5
    assert found["independent"] == pytest.approx(1 - 2 * stats.norm.sf(1.96 * too_narrow), abs=0.09)
    assert all(found[name] > 0.9 for name in ("t", "percentile", "BCa", "widened BCa"))
