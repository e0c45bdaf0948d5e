"""Holm's adjustment: p values of a whole table."""

import numpy as np
from numpy.typing import ArrayLike

from eval.statistics.strata import Matrix


def holm(p_values: ArrayLike) -> Matrix:
    """(M,) adjusted p: reject those below 0.05 and the chance of any false rejection stays below 5 %.

    nan (no test) stays nan and does not count. Holm (1979): the i-th smallest of M is multiplied by
    M - i + 1, and none is below a smaller one's.
    """
    given = np.asarray(p_values, float)
    adjusted = np.full_like(given, np.nan)
    order = np.argsort(given)[: np.isfinite(given).sum()]
    steps = given[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps))
    return adjusted
