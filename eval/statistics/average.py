"""avg@k: the share of correct samples, averaged over problems, and its two standard errors.

With p_i the share of problem i, of k samples:

    clustered    sqrt(sum_i (p_i - mean)^2 / (N (N - 1)))          new problems and new samples
    resampling   sqrt(sum_i p_i (1 - p_i) / (k - 1)) / N           these problems, new samples

The first (Miller 2024, arXiv 2411.00640: problems are clusters of samples) is what a claim about a model
needs; more samples shrink only the part of it that the second one measures.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eval.statistics.crossed import estimate
from eval.statistics.interval import mean_interval
from eval.statistics.strata import Matrix, problem_weights


@dataclass(frozen=True)
class Average:
    """avg@k in [0, 1], its 95 % interval [low, high] and both standard errors.

    `resampling_error` is nan at k = 1, where nothing shows how much a second sample would differ.
    """

    mean: float
    low: float
    high: float
    clustered_error: float
    resampling_error: float


def avg_at_k(correct: ArrayLike, k: ArrayLike, strata: NDArray | None = None) -> Average:
    """avg@k from (N,) counts of correct samples out of `k`, one number or one per problem (N,).

    With `strata` (N,) it is the mean of the strata's means: suites weigh equally.
    """
    correct, k = np.broadcast_arrays(correct, k)
    if (k < 1).any() or (correct < 0).any() or (correct > k).any():
        raise ValueError("counts of correct samples must lie between 0 and k, and k be 1 or more")
    shares = correct / k
    found = estimate(shares[None], strata)
    low, high = mean_interval(shares, strata)
    noise = resampling_error(shares, k, strata)
    return Average(found.mean, low, high, found.standard_error, noise)


def resampling_error(shares: Matrix, k: ArrayLike, strata: NDArray | None = None) -> float:
    """Standard error of the mean of (N,) shares over new samples of the same problems; nan at k = 1."""
    k = np.asarray(k)
    if (k == 1).any():
        return float("nan")
    weights = problem_weights(len(shares), strata)
    return float(np.sqrt((weights**2 * shares * (1 - shares) / (k - 1)).sum()))
