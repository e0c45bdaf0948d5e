"""The effect that a comparison measures, with its interval and what the comparison could have found."""

import math
from dataclasses import dataclass, replace

import numpy as np

from eval.statistics import Matrix, detectable_difference, detection_power, estimate


@dataclass(frozen=True)
class Effect:
    """First minus second, or value minus constant, with its 95 % interval [low, high].

    `seeds` are training seeds, `clusters` what else the interval is over (problems, games, pairs); nan where
    there are none. `room` is how far the effect could go in the direction that is claimed: a share of 0.01
    falls by 0.01 at most. `note` says what the reader must know of how it was measured.
    """

    mean: float
    low: float = math.nan
    high: float = math.nan
    standard_error: float = math.nan
    freedom: float = math.nan
    seeds: float = math.nan
    clusters: float = math.nan
    room: float = math.inf
    note: str = ""

    def minus(self, constant: float) -> "Effect":
        """The effect less a constant."""
        return replace(self, mean=self.mean - constant, low=self.low - constant, high=self.high - constant)

    def power(self, matters: float) -> float:
        """Probability that a true effect of that size is found; nan without a standard error."""
        return detection_power(matters, self.standard_error, self.freedom) if self._has_error else math.nan

    @property
    def detectable(self) -> float:
        """True effect that is found in 80 % of cases; nan without a standard error."""
        return detectable_difference(self.standard_error, self.freedom) if self._has_error else math.nan

    @property
    def _has_error(self) -> bool:
        return self.standard_error > 0 and math.isfinite(self.standard_error)


def of_values(values: Matrix) -> Effect:
    """Mean of (N,) independent values with its t interval; no interval for a single one."""
    if len(values) < 2:
        return Effect(float(np.mean(values)))
    found = estimate(values[None])
    return Effect(found.mean, found.low, found.high, found.standard_error, found.freedom)
