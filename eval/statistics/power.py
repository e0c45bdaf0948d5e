"""What a comparison would be likely to find, and with how many training seeds it would find it."""

from bisect import bisect_left

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from eval.statistics.crossed import Variances


def detectable_difference(
    standard_error: float, freedom: float = float("inf"), power: float = 0.8, confidence: float = 0.95
) -> float:
    """True difference whose two-sided t test at `confidence` rejects with probability `power`.

    `detection_power` inverted. With endless `freedom` (z_0.975 + z_0.8) standard errors = (1.960 + 0.842) SE
    = 2.8 SE, which for N paired differences is 2.8 sd(d) / sqrt(N); with two (three training seeds) 5.65 SE.
    """

    def missing(shift: float) -> float:
        return detection_power(shift, 1, freedom, confidence) - power

    most = stats.t.ppf((1 + confidence) / 2, freedom)
    while missing(most) < 0:
        most *= 2
    return float(brentq(missing, 0, most)) * standard_error


def detection_power(
    effect: float, standard_error: float, freedom: float = float("inf"), confidence: float = 0.95
) -> float:
    """Probability that the two-sided t test at `confidence` rejects when the true difference is `effect`."""
    shift = abs(effect) / standard_error
    critical = float(stats.t.ppf((1 + confidence) / 2, freedom))
    # The noncentral t with endless freedom is a normal distribution, which scipy's formula is not made for.
    shifted = stats.nct(freedom, shift) if np.isfinite(freedom) else stats.norm(shift)
    # From shifts of 7 on scipy may give nan for the far tail, which is then below the normal's 1e-12.
    return float(shifted.sf(critical) + np.nan_to_num(shifted.cdf(-critical)))


def seeds_needed(
    effect: float, seed_deviation: float, problem_error: float, power: float = 0.8
) -> int | None:
    """Fewest training seeds with which a paired difference of true size `effect` is found so often.

    `seed_deviation` is the standard deviation of the difference between seeds, `problem_error` its standard
    error from the problems, which more seeds leave as it is:
    SE(S)^2 = seed_deviation^2 / S + problem_error^2. Of an `Estimate` they are `seed_spread` and
    sqrt(problem_error^2 - rest_error^2). The interval is that of `crossed`, with problems enough that only
    seeds are few. None if problems alone hide the effect from any number of seeds.
    """
    if effect == 0:
        raise ValueError("no number of seeds finds a difference of 0")
    if problem_error > 0 and detection_power(effect, problem_error) <= power:
        return None

    def enough(seeds: int) -> bool:
        variances = Variances(problem_error**2, float("inf"), seed_deviation**2 / seeds, seeds - 1, rest=0)
        if variances.total == 0:
            return True
        return detection_power(effect, variances.total**0.5, variances.freedom()) >= power

    most = 2  # one seed has no spread
    while not enough(most):
        most *= 2
    return bisect_left(range(most + 1), True, lo=2, key=enough)
