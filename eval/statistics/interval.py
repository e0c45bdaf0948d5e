"""The interval of a mean over problems, chosen by how many there are.

Below `BOOTSTRAP_FROM` problems it is the t interval, from there on the BCa bootstrap, by measured
coverage (`python -m eval.statistics.coverage`). Where all values are equal it is the rule of three.
"""

import numpy as np
from numpy.typing import NDArray

from eval.statistics.bootstrap import RESAMPLES, bootstrap_interval
from eval.statistics.crossed import estimate
from eval.statistics.rule_of_three import rule_of_three
from eval.statistics.strata import Matrix, split

BOOTSTRAP_FROM = 20


def mean_interval(
    values: Matrix,
    strata: NDArray | None = None,
    bounds: tuple[float, float] = (0, 1),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % interval of the mean of (N,) values in `bounds`; with `strata` of the mean of strata means.

    The smallest stratum decides between t and bootstrap. Use bounds (-1, 1) for differences of shares.
    """
    parts = split(values, strata)
    if any(part.min() < bounds[0] or part.max() > bounds[1] for part in parts):
        raise ValueError(f"values leave their bounds {bounds}")
    if all(np.ptp(part) == 0 for part in parts):
        return rule_of_three(parts, bounds)
    if min(map(len, parts)) >= BOOTSTRAP_FROM:
        return bootstrap_interval(values, strata, resamples=resamples, seed=seed)
    found = estimate(values[None], strata, bounds=bounds)
    return found.low, found.high
