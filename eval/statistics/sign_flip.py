"""The sign-flip permutation test of a paired mean difference.

If both runs are alike, swapping their labels on any problem changes nothing: each difference d_i is as
likely to be -d_i, independently over problems. p is the share of the 2^N sign patterns whose mean is at
least as far from zero as the observed one. Problems are what is exchanged: the test speaks of these two
trained models on problems like these, and not of other training seeds.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eval.statistics.strata import Matrix, problem_weights

FLIPS = 100_000
_MOST_SUMS = 1_000_000


def sign_flip_p(
    differences: Matrix, strata: NDArray | None = None, flips: int = FLIPS, seed: int = 0
) -> float:
    """Two-sided p of the mean of (N,) differences; with `strata` (N,) of the mean of strata means.

    Exact where the sums that flips can reach are few, which they are for one suite at any N: shares of
    k samples lie on a grid. Else from `flips` random patterns as (b + 1) / (flips + 1), b of them at
    least as extreme, with a standard error of at most 0.0016; the same input gives the same p.
    """
    scaled = differences * problem_weights(len(differences), strata)
    observed = abs(scaled.sum())
    largest = np.abs(scaled).max()
    if largest == 0:
        return 1.0
    sizes, counts = np.unique(np.round(np.abs(scaled) / largest, 12), return_counts=True)
    threshold = observed / largest - 1e-9
    exact = _exact(sizes[sizes > 0], counts[sizes > 0], threshold)
    if exact is not None:
        return exact
    extreme = np.abs(_random_sums(sizes, counts, flips, np.random.default_rng(seed))) >= threshold
    return float((extreme.sum() + 1) / (flips + 1))


def _exact(sizes: Matrix, counts: NDArray, threshold: float) -> float | None:
    """The share of sign patterns with |sum| >= threshold; None where there are too many sums.

    Of c differences of one size, the number kept positive is binomial: c + 1 sums instead of 2^c.
    """
    sums: Matrix = np.zeros(1)
    chances: Matrix = np.ones(1)
    for size, count in zip(sizes, counts, strict=True):
        if len(sums) * (count + 1) > _MOST_SUMS:
            return None
        positive = np.arange(count + 1)
        sums = np.add.outer(sums, size * (2 * positive - count)).ravel()
        chances = np.multiply.outer(chances, stats.binom.pmf(positive, count, 0.5)).ravel()
        sums, index = np.unique(np.round(sums, 9), return_inverse=True)
        chances = np.bincount(index, chances).astype(float)
    return min(1.0, float(chances[np.abs(sums) >= threshold].sum()))


def _random_sums(sizes: Matrix, counts: NDArray, flips: int, random: np.random.Generator) -> Matrix:
    """(flips,) sums under random signs."""
    sums = np.zeros(flips)
    for size, count in zip(sizes, counts, strict=True):
        sums += size * (2 * random.binomial(count, 0.5, flips) - count)
    return sums
