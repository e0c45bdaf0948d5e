"""The interval where nothing varies.

A model that solved none of 30 problems is not certain to solve none of the next 30, yet t and bootstrap
give it the interval [0, 0]. Where all N values are equal, the share of problems that differ is below
1 - (1 - confidence)^(1/N), about 3/N at 95 %.
"""

from collections.abc import Sequence

import numpy as np

from eval.statistics.strata import Matrix


def rule_of_three(
    parts: Sequence[Matrix], bounds: tuple[float, float], confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of the mean of the means of `parts`, each of (N,) equal values in `bounds`.

    Problems that differ are taken to lie at the far bound.
    """
    constants = np.array([part[0] for part in parts]).clip(*bounds)  # rounding may have left them
    differing = np.array([1 - (1 - confidence) ** (1 / len(part)) for part in parts])
    low, high = (constants + (bound - constants) * differing for bound in bounds)
    return float(low.mean()), float(high.mean())
