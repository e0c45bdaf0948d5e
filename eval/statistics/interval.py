"""The interval of a score, a mean of shares over problems, chosen by how many there are.

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
    shares: Matrix,
    strata: NDArray | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % interval of the mean of (N,) shares in [0, 1]; with `strata` of the mean of strata means.

    The smallest stratum decides between t and bootstrap.
    """
    parts = split(shares, strata)
    if any(part.min() < 0 or part.max() > 1 for part in parts):
        raise ValueError("shares are between 0 and 1")
    if all(np.ptp(part) == 0 for part in parts):
        return rule_of_three(parts, (0, 1))
    if min(map(len, parts)) >= BOOTSTRAP_FROM:
        return bootstrap_interval(shares, strata, resamples=resamples, seed=seed)
    found = estimate(shares[None], strata, bounds=(0, 1))
    return found.low, found.high
