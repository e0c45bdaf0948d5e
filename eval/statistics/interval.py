"""The interval of a mean over problems, chosen by how many there are.

Below `BOOTSTRAP_FROM` problems it is the t interval, from there on the BCa bootstrap, by measured
coverage (`python -m eval.statistics.coverage`). Both give certainty, [0, 0], to a model that solved none
of 30 problems; then the rule of three holds instead: where all N values are equal, the share of problems
that differ is below 1 - (1 - confidence)^(1/N), about 3/N at 95 %.
"""

import numpy as np
from numpy.typing import NDArray

from eval.statistics.bootstrap import RESAMPLES, bootstrap_interval
from eval.statistics.crossed import estimate
from eval.statistics.strata import Matrix, split

BOOTSTRAP_FROM = 20


def mean_interval(
    values: Matrix,
    strata: NDArray | None = None,
    bounds: tuple[float, float] = (0, 1),
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of the mean of (N,) values in `bounds`; with `strata` of the mean of strata means.

    The smallest stratum decides between t and bootstrap. Use bounds (-1, 1) for differences of shares.
    """
    parts = split(values, strata)
    if any(part.min() < bounds[0] or part.max() > bounds[1] for part in parts):
        raise ValueError(f"values leave their bounds {bounds}")
    if all(np.ptp(part) == 0 for part in parts):
        return _constant_interval(parts, bounds, confidence)
    if min(map(len, parts)) >= BOOTSTRAP_FROM:
        return bootstrap_interval(values, strata, confidence, resamples, seed)
    found = estimate(values[None], strata, confidence)
    return max(bounds[0], found.low), min(bounds[1], found.high)


def _constant_interval(
    parts: list[Matrix], bounds: tuple[float, float], confidence: float
) -> tuple[float, float]:
    """Every value of a part is the same: the rule of three, the rest at the far bound."""
    constants = np.array([part[0] for part in parts])
    differing = np.array([1 - (1 - confidence) ** (1 / len(part)) for part in parts])
    low, high = (constants + (bound - constants) * differing for bound in bounds)
    return float(low.mean()), float(high.mean())
