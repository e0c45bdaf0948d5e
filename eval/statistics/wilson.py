"""Wilson's interval of a share: one yes or no per problem."""

from scipy import stats


def wilson_interval(successes: float, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval [low, high] within [0, 1] of a share, from independent trials.

    The shares that a score test does not reject (Wilson 1927). Unlike the normal interval it holds at 0
    and at 1, and with few trials. A trial that is a share itself adds that part of a success. Repeats of one
    problem are not independent: see `mean_interval`.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials have no interval")
    z2 = float(stats.norm.ppf((1 + confidence) / 2)) ** 2
    centre = successes + z2 / 2
    half_width = (z2 * (successes * (trials - successes) / trials + z2 / 4)) ** 0.5
    # Rounding may leave the ends a hair outside of what they are in truth.
    low = 0.0 if successes == 0 else (centre - half_width) / (trials + z2)
    high = 1.0 if successes == trials else (centre + half_width) / (trials + z2)
    return low, high
