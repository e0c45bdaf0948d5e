"""The interval where nothing varies.

A model that solved none of 30 problems is not certain to solve none of the next 30, yet t and bootstrap
give it the interval [0, 0]. Where all N values are equal, the share of problems that differ is below
1 - (1 - confidence)^(1/N), about 3/N at 95 %. Of several suites each may hold problems that differ, as long
as seeing none in any of them is not less probable than 1 - confidence.
"""

from collections.abc import Sequence

import numpy as np
from scipy import optimize

from eval.statistics.strata import Matrix


def rule_of_three(
    parts: Sequence[Matrix], bounds: tuple[float, float], confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of the mean of the means of `parts`, each of (N,) equal values in `bounds`.

    Problems that differ are taken to lie at the far bound.
    """
    constants = np.array([part[0] for part in parts]).clip(*bounds)  # rounding may have left them
    problems = np.array([len(part) for part in parts])
    ways = [bound - constants for bound in bounds]
    low, high = (np.mean(constants + way * _differing(problems, abs(way), confidence)) for way in ways)
    return float(low), float(high)


def _differing(problems: Matrix, distances: Matrix, confidence: float) -> Matrix:
    """(S,) shares q of problems that differ, at which sum(distances q) is largest.

    The constraint is prod (1 - q)^problems >= 1 - confidence, the chance to see none of them. By Lagrange,
    1 - q = min(1, factor problems / distances) for one factor.
    """
    if not distances.any():
        return np.zeros(len(distances))
    with np.errstate(divide="ignore"):
        log_ratios = np.log(problems) - np.log(distances)  # infinite where no problem can differ
    log_chance = np.log1p(-confidence)

    def excess(log_factor: float) -> float:
        return float(problems @ np.minimum(0, log_factor + log_ratios)) - log_chance

    finite = log_ratios[np.isfinite(log_ratios)]
    factor = optimize.brentq(excess, log_chance - finite.max(), -finite.min(), xtol=1e-12)
    return -np.expm1(np.minimum(0, factor + log_ratios))
