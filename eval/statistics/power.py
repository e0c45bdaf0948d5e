"""The smallest difference that a comparison would be likely to find."""

from scipy import stats


def detectable_difference(
    standard_error: float, freedom: float = float("inf"), power: float = 0.8, confidence: float = 0.95
) -> float:
    """True difference whose test at `confidence` rejects with probability `power`.

    (z_0.975 + z_0.8) standard errors = (1.960 + 0.842) SE = 2.8 SE, which for N paired differences is
    2.8 sd(d) / sqrt(N). With few `freedom` (three training seeds have two) the quantiles are Student's
    t, which is close to the power of the noncentral t and never below the interval's half width.
    """
    quantiles = stats.t.ppf([(1 + confidence) / 2, power], freedom)
    return float(quantiles.sum() * standard_error)
