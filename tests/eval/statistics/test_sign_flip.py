"""The sign-flip test against scipy, all 2^N patterns, and its promise under the null hypothesis."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from eval.statistics import sign_flip_p
from eval.statistics.sign_flip import _exact


def brute_force(differences, weights):
    values = differences * weights
    sums = np.array([abs(np.dot(signs, values)) for signs in product((1, -1), repeat=len(values))])
    return np.mean(sums >= abs(values.sum()) - 1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_equals_all_sign_patterns(seed):
    differences = np.random.default_rng(seed).integers(-4, 5, 11) / 4
    assert sign_flip_p(differences) == pytest.approx(brute_force(differences, 1 / 11))
    strata = np.repeat([0, 1], [8, 3])
    weights = np.repeat([1 / 16, 1 / 6], [8, 3])
    assert sign_flip_p(differences, strata) == pytest.approx(brute_force(differences, weights))


def test_equals_scipy():
    first, second = np.random.default_rng(0).random((2, 12))
    expected = stats.permutation_test(
        (first, second), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip_p(first - second) == pytest.approx(expected.pvalue)


def test_exact_and_random_agree():
    rng = np.random.default_rng(0)
    # Shares of 4 samples at N = 500: on a grid, exact. The same with a little noise: too many sums.
    grid = rng.choice([-0.5, -0.25, 0, 0, 0.25, 0.5], 500) + rng.choice([0, 0.25], 500, p=[0.9, 0.1])
    noisy = grid + rng.normal(0, 1e-6, 500)
    sizes, counts = np.unique(np.abs(noisy), return_counts=True)
    assert _exact(sizes, counts, 0.0) is None
    assert 0.001 < sign_flip_p(grid) < 0.5
    assert sign_flip_p(noisy, flips=10_000) == pytest.approx(sign_flip_p(grid), abs=0.01)


def test_random_p_is_never_zero():
    differences = 1 + np.random.default_rng(0).random(300)
    assert sign_flip_p(differences, flips=999) == 1 / 1000


def test_equal_runs():
    assert sign_flip_p(np.zeros(30)) == 1


def test_rejects_five_per_cent_of_true_nulls():
    rng = np.random.default_rng(0)
    rates = rng.beta(1, 1, (1000, 40))
    first, second = rng.binomial(4, rates, (2, 1000, 40)) / 4
    p = np.array([sign_flip_p(d) for d in first - second])
    assert 0.035 < np.mean(p < 0.05) < 0.065
