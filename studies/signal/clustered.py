"""Estimates over tokens whose unit of resampling is the response.

Tokens of one response are alike, so they are no independent sample. A mean or share over tokens is a ratio
of two sums over responses; `influence` gives each response's part in it to first order (the delta method),
and their spread its standard error. A quantile has no such form: there it is that of a bootstrap over
responses. Intervals are t intervals. Degrees of freedom count only responses that an estimate rests on:
few responses may reach the late positions of many.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from eval.statistics import Estimate

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
RESAMPLES = 1000


def mean(values: Array) -> Estimate:
    """The mean of (N,) values, one per response."""
    return _from_influence(values, len(values))


def ratio(numerator: Array, denominator: Array) -> Estimate:
    """The ratio of the sums of two (N,) columns of N responses."""
    return _from_influence(influence(numerator, denominator), _parts(denominator))


def difference(first: tuple[Array, Array], second: tuple[Array, Array]) -> Estimate:
    """The first ratio less the second; both are (numerator, denominator) of the same N responses."""
    return _from_influence(influence(*first) - influence(*second), min(_parts(first[1]), _parts(second[1])))


def influence(numerator: Array, denominator: Array) -> Array:
    """(N,) values whose mean is the ratio of sums, and whose variance is N times the ratio's."""
    total = denominator.sum()
    if total == 0:
        return np.full(len(denominator), np.nan)
    value = numerator.sum() / total
    return value + (numerator - value * denominator) * len(denominator) / total


def quantile_difference(
    first: pd.DataFrame, second: pd.DataFrame, level: float, responses: int, seed: int = 0
) -> Estimate:
    """The `level` quantile of `gap` in `first` less that in `second`: tokens of `responses` responses."""
    clusters = min(first.response.nunique(), second.response.nunique())
    if clusters < 2:
        return _interval(np.nan, np.nan, clusters)
    ordered = [part.sort_values("gap", kind="stable") for part in (first, second)]
    parts = [(part.response.to_numpy(), part.gap.to_numpy()) for part in ordered]
    drawn = np.random.default_rng(seed).multinomial(responses, np.full(responses, 1 / responses), RESAMPLES)
    # A resample may hold no token of a part, and then says nothing.
    error = np.nanstd([_moved(parts, level, weights) for weights in drawn], ddof=1)
    return _interval(_moved(parts, level, np.ones(responses, int)), float(error), clusters)


def _parts(denominator: Array) -> int:
    return int((denominator > 0).sum())


def _from_influence(values: Array, clusters: int) -> Estimate:
    """The mean of (N,) values, of which all but `clusters` are that mean itself."""
    if clusters < 2:
        return _interval(np.nan, np.nan, clusters)
    centre = values.mean()
    squares = ((values - centre) ** 2).sum() / len(values) ** 2
    return _interval(centre, np.sqrt(squares * clusters / (clusters - 1)), clusters)


def _interval(value: float, error: float, clusters: int) -> Estimate:
    freedom = float(max(1, clusters - 1))
    half_width = stats.t.ppf(0.975, freedom) * error
    return Estimate(
        mean=float(value),
        low=float(value - half_width),
        high=float(value + half_width),
        standard_error=float(error),
        freedom=freedom,
        seed_spread=np.nan,
        seeds=1,
        problems=clusters,
        problem_error=float(error),
        problem_freedom=freedom,
        rest_error=0.0,
    )


def _moved(parts: list[tuple[Counts, Array]], level: float, weights: Counts) -> float:
    first, second = (_quantile(gap, level, weights[response]) for response, gap in parts)
    return first - second


def _quantile(values: Array, level: float, weights: Counts) -> float:
    """The least of ascending values up to which lies at least `level` of the weight."""
    cumulative = weights.cumsum()
    if cumulative[-1] == 0:
        return float("nan")
    return float(values[np.searchsorted(cumulative, level * cumulative[-1])])
