"""Problem-level bootstrap of a mean: the BCa interval, widened for few problems.

Efron's bias-corrected and accelerated interval (1987) follows the skew of scores, which a t interval
does not. Its resamples vary by sqrt((N-1)/N) too little and its quantiles are normal ones; both make it
too short for N = 30. As Hesterberg (2015, "What teachers should know about the bootstrap") does for
the percentile interval, the quantiles are moved outwards until a symmetric sample gets its t interval.
`python -m eval.statistics.coverage` measures what that changes.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eval.statistics.crossed import estimate
from eval.statistics.strata import Matrix, problem_weights, split

RESAMPLES = 10_000


def bootstrap_interval(
    values: Matrix,
    strata: NDArray | None = None,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """BCa interval of the mean of (N,) values, problems resampled within `strata` (N,).

    With strata the mean is that of the strata's means. The same input gives the same interval. Raises
    ValueError where all values of every stratum are equal: resamples of a constant say nothing.
    """
    parts = split(values, strata)
    centred = np.concatenate([part - part.mean() for part in parts])
    scaled = centred * np.concatenate([problem_weights(len(part), None) for part in parts]) / len(parts)
    spread = float((scaled**2).sum())
    if spread == 0:
        raise ValueError("all values are equal; a bootstrap interval needs values that differ")
    acceleration = float((scaled**3).sum()) / (6 * spread**1.5)

    means = np.sort(resampled_means(parts, resamples, np.random.default_rng(seed)))
    found = estimate(values[None], strata)
    below = np.searchsorted(means, [found.mean - 1e-12, found.mean + 1e-12]).mean() / resamples
    bias = stats.norm.ppf(np.clip(below, 1 / resamples, 1 - 1 / resamples))
    widened = stats.t.ppf((1 + confidence) / 2, found.freedom) * found.standard_error / spread**0.5
    moved = bias + np.array([-widened, widened])
    low, high = np.quantile(means, stats.norm.cdf(bias + moved / (1 - acceleration * moved)))
    return float(low), float(high)


def resampled_means(parts: list[Matrix], resamples: int, random: np.random.Generator) -> Matrix:
    """(resamples,) means of the means of `parts`, each resampled with replacement.

    Only how often each distinct value is drawn matters, which is multinomial: avg@4 has five.
    """
    total = np.zeros(resamples)
    for part in parts:
        levels, counts = np.unique(part, return_counts=True)
        drawn = random.multinomial(len(part), counts / len(part), resamples)
        total += drawn @ levels / (len(part) * len(parts))
    return total
