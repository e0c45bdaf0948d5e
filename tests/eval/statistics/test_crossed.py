"""Intervals: formulas by hand, special cases, and coverage in simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from eval.statistics import estimate, paired_difference, zero_p


def test_single_model_is_the_clustered_t_interval():
    scores = np.array([[0.0, 100.0, 50.0, 100.0]])
    result = estimate(scores)
    expected = stats.ttest_1samp(scores[0], 0).confidence_interval(0.95)
    assert result.mean == 62.5
    assert (result.low, result.high) == pytest.approx((expected.low, expected.high))
    assert math.isnan(result.seed_spread)
    assert (result.seeds, result.problems) == (1, 4)


@pytest.mark.parametrize(
    ("scores", "alike"),
    [
        ([[1, 3, 2, 6], [3, 1, 6, 2]], True),  # different answers, the same mean
        ([[1, 3, 2, 6], [5, 7, 6, 9]], False),
        ([[1, 3, 2, 6]], False),  # one seed agrees with nobody
        ([[1, 1, 1, 1], [1, 1, 1, 1]], False),  # nothing to estimate
        ([[1, 3, 2, 6], [1, 3, 2, 6]], False),  # the same answers
    ],
)
def test_seeds_that_are_alike_by_chance_add_nothing(scores, alike):
    found = estimate(np.array(scores, dtype=float))
    assert found.seeds_alike == alike
    if alike:
        half = stats.t.ppf(0.975, 3) * found.problem_error
        assert (found.low, found.high) == pytest.approx((found.mean - half, found.mean + half))


def test_two_seeds_two_problems_by_hand():
    # problem means 1, 5; seed means 2, 4; interaction +-1
    scores = np.array([[1.0, 3.0], [1.0, 7.0]])
    result = estimate(scores)
    problems = ((1 - 3) ** 2 + (5 - 3) ** 2) / (2 * 1)
    seeds = ((2 - 3) ** 2 + (4 - 3) ** 2) / (2 * 1)
    rest = 4 * 1**2 / (1 * 1) / (2 * 2)
    half = stats.t.ppf(0.975, 1) * math.sqrt(problems + seeds - rest)
    assert result.mean == 3
    assert (result.low, result.high) == pytest.approx((3 - half, 3 + half))
    assert result.standard_error == pytest.approx(math.sqrt(problems + seeds - rest))
    assert result.freedom == pytest.approx(1)
    assert result.seed_spread == pytest.approx(math.sqrt(2))
    assert result.problem_error == pytest.approx(math.sqrt(problems))
    assert result.rest_error == pytest.approx(math.sqrt(rest))


@pytest.mark.parametrize("seed_sd", [0, 1, 5])
@pytest.mark.parametrize("shape", [(3, 40), (5, 12), (2, 6), (6, 3)])
def test_against_the_mean_squares_of_an_analysis_of_variance(shape, seed_sd):
    random = np.random.default_rng(3)
    seeds, problems = shape
    scores = (
        random.normal(0, seed_sd, (seeds, 1)) + random.normal(0, 5, problems) + random.normal(0, 9, shape)
    )
    found = estimate(scores, confidence=0.9)
    index = pd.MultiIndex.from_product([range(seeds), range(problems)], names=["seed", "problem"])
    frame = pd.DataFrame({"score": scores.ravel()}, index).reset_index()
    table = anova_lm(ols("score ~ C(problem) + C(seed)", frame).fit())
    of_problems, of_seeds, rest = (table.sum_sq / table.df / scores.size)[
        ["C(problem)", "C(seed)", "Residual"]
    ]
    for_problems, for_seeds, for_rest = stats.t.ppf(0.95, table.df) ** 2
    half = math.sqrt(for_problems * of_problems + max(0, for_seeds * of_seeds - for_rest * rest))
    assert found.high - found.mean == pytest.approx(half)
    assert found.standard_error**2 == pytest.approx(of_problems + max(0, of_seeds - rest))
    assert stats.t.ppf(0.95, found.freedom) * found.standard_error == pytest.approx(half)


def test_seeds_that_agree_by_chance_are_not_trusted():
    """Their variance has the quantile of two degrees of freedom however small it looks."""
    scores = np.array([[-1.0], [0.0], [1.0]]) + np.tile([-10.0, 10.0], 200)
    found = estimate(scores)
    of_problems, of_seeds = 100 / 399, 1 / 3
    expected = stats.t.ppf(0.975, 399) ** 2 * of_problems + stats.t.ppf(0.975, 2) ** 2 * of_seeds
    assert found.high**2 == pytest.approx(expected)
    single = estimate(scores[:1])
    assert single.freedom == 399
    assert single.high - single.mean == pytest.approx(stats.t.ppf(0.975, 399) * of_problems**0.5)


def test_strata_weigh_equally_whatever_their_size():
    scores = np.array([[0.0, 10.0, 90.0, 100.0, 90.0, 100.0]])
    strata = np.array(["a", "a", "b", "b", "b", "b"])
    result = estimate(scores, strata)
    assert result.mean == pytest.approx((5 + 95) / 2)
    variance = (50 / 2 + np.var([90, 100, 90, 100], ddof=1) / 4) / 4
    freedom = variance**2 / ((50 / 8) ** 2 / 1 + (np.var([90, 100, 90, 100], ddof=1) / 16) ** 2 / 3)
    half = stats.t.ppf(0.975, freedom) * math.sqrt(variance)
    assert result.high - result.mean == pytest.approx(half)


def test_constant_scores_have_no_width():
    result = estimate(np.full((3, 5), 7.0))
    assert (result.low, result.mean, result.high) == pytest.approx((7, 7, 7), abs=1e-12)
    assert result.seed_spread == pytest.approx(0, abs=1e-12)


def test_interval_ends_at_the_bounds_of_scores():
    """One right answer in 40: the t interval would start below zero; of differences it may."""
    scores = np.array([[0.0] * 39 + [100.0]])
    free = estimate(scores)
    assert free.low < 0
    found = estimate(scores, bounds=(0, 100))
    assert (found.low, found.mean, found.high) == (0, 2.5, free.high)
    difference = paired_difference(scores, np.zeros((1, 40)), bounds=(-100, 100))
    assert (difference.low, difference.high) == (free.low, free.high)


def test_scores_that_are_all_alike_have_the_interval_of_the_rule_of_three():
    """Two suites of 30 and 10 problems, none of the first solved and all of the second."""
    scores = np.repeat([[0.0, 100.0]], [30, 10], axis=1).repeat(3, axis=0)
    strata = np.repeat(["a", "b"], [30, 10])
    of_a, of_b = 1 - 0.05 ** (1 / 30), 1 - 0.05 ** (1 / 10)
    found = estimate(scores, strata, bounds=(0, 100))
    assert (found.low, found.mean, found.high) == pytest.approx((50 - 50 * of_b, 50, 50 + 50 * of_a))
    none = paired_difference(scores, scores, strata, bounds=(-100, 100))
    assert (none.mean, none.low) == (0, pytest.approx(-none.high))
    assert none.high == pytest.approx(50 * of_b)  # where fewer problems hide more


def test_pairing_removes_what_problems_share():
    rng = np.random.default_rng(0)
    difficulty = rng.normal(50, 30, 200)
    first = difficulty + rng.normal(2, 1, (3, 200))
    second = difficulty + rng.normal(0, 1, (3, 200))
    paired = paired_difference(first, second)
    assert paired.low < 2 < paired.high
    assert paired.high - paired.low < 1
    alone = estimate(first)
    assert alone.high - alone.low > 5


def test_one_model_against_three_seeds():
    first, second = np.array([[1.0, 2.0, 4.0]]), np.arange(9.0).reshape(3, 3)
    result = paired_difference(first, second)
    assert result.mean == pytest.approx(first.mean() - second.mean())
    assert result.seeds == 3


def test_what_cannot_be_paired_is_refused():
    with pytest.raises(ValueError, match="problems cannot be paired"):
        paired_difference(np.zeros((1, 3)), np.zeros((1, 4)))
    with pytest.raises(ValueError, match="seeds cannot be paired"):
        paired_difference(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"^1 problem; an interval needs two or more"):
        estimate(np.zeros((1, 1)))
    with pytest.raises(ValueError, match="hard has 1 problem; an interval needs two or more"):
        estimate(np.zeros((1, 3)), np.array(["easy", "easy", "hard"]))


@pytest.mark.parametrize(("seed_sd", "problem_sd"), [(0.0, 20.0), (5.0, 20.0), (5.0, 10.0), (10.0, 0.0)])
def test_coverage(seed_sd, problem_sd):
    """95 % intervals cover a population mean at least about that often; independent answers do not."""
    rng = np.random.default_rng(1)
    covered = naive_covered = 0
    repeats, seeds, problems = 1500, 3, 40
    for _ in range(repeats):
        scores = (
            rng.normal(0, problem_sd, problems)
            + rng.normal(0, seed_sd, (seeds, 1))
            + rng.normal(0, 5, (seeds, problems))
        )
        result = estimate(scores)
        covered += result.low <= 0 <= result.high
        half = 1.96 * scores.std(ddof=1) / math.sqrt(scores.size)
        naive_covered += abs(scores.mean()) <= half
    assert covered / repeats > 0.94
    assert naive_covered / repeats < 0.80


def test_p_agrees_with_the_interval():
    """Below 0.05 exactly when the interval leaves zero out; scipy's with one seed."""
    rng = np.random.default_rng(0)
    for shift in rng.normal(0, 4, 50):
        scores = shift + rng.normal(0, 1, (3, 1)) + rng.normal(0, 5, (3, 20))
        found = estimate(scores)
        p = zero_p(found)
        assert (p < 0.05) == (not found.low <= 0 <= found.high)
        assert min(map(abs, interval(estimate(scores, confidence=1 - p)))) == pytest.approx(0, abs=1e-6)
        assert zero_p(estimate(scores[:1])) == pytest.approx(stats.ttest_1samp(scores[0], 0).pvalue)
    assert zero_p(estimate(np.zeros((1, 4)))) == 1
    assert zero_p(estimate(np.ones((1, 4)))) == 0
    assert zero_p(estimate(np.array([[-1.0, 1.0]]))) == 1
    assert zero_p(estimate(1e9 + rng.normal(0, 1, (1, 400)))) == 0


def test_p_is_small_no_more_often_than_it_says():
    """What Holm's adjustment rests on. Of Satterthwaite's p, 0.8 % are below 0.001 here."""
    rng = np.random.default_rng(2)
    shape = (2000, 3, 30)
    scores = rng.normal(0, 6, (2000, 3, 1)) + rng.normal(0, 12, (2000, 1, 30)) + rng.normal(0, 10, shape)
    found = np.array([zero_p(estimate(of_one)) for of_one in scores])
    assert np.mean(found < 0.05) < 0.06
    assert np.mean(found < 0.01) < 0.015
    assert np.mean(found < 0.001) < 0.003


def interval(found):
    return found.low, found.high
