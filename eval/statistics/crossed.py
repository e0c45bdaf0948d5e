"""Intervals for scores from several seeds on a shared set of problems.

Scores form a matrix x of S seeds by N problems (each entry a mean over samples). Problems and
training seeds are both samples from what one wants to speak about, and crossed: every seed answers
every problem. With x_is = m + problem_i + seed_s + rest_is, the variance of the grand mean is

    V = V_problems + V_seeds - V_rest

where V_problems and V_seeds are the usual squared standard errors of the problem means and of the seed
means, each of which already holds V_rest = var(rest) / (S N) once. Degrees of freedom follow
Satterthwaite, so that three seeds with different results give the wide interval they deserve. Treating
all S N answers as independent covers the truth less than half the time on 30 problems.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eval.statistics.rule_of_three import rule_of_three
from eval.statistics.strata import Matrix, problem_weights, split

# A standard error below this is rounding, of percentages as of shares.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Estimate:
    """A mean with its two-way clustered interval [low, high] and the spread over seeds.

    `standard_error` is the square root of V, `freedom` its degrees of freedom. `seed_spread` is the
    standard deviation of the seed means; nan with a single seed, when the interval speaks of new
    problems for this one model only.
    """

    mean: float
    low: float
    high: float
    standard_error: float
    freedom: float
    seed_spread: float
    seeds: int
    problems: int

    @property
    def constant(self) -> bool:
        """Whether all problems of a stratum have the same mean, so that there is no variance to estimate."""
        return self.standard_error < _ROUNDING


def estimate(
    scores: Matrix,
    strata: NDArray | None = None,
    confidence: float = 0.95,
    bounds: tuple[float, float] | None = None,
) -> Estimate:
    """Mean of (S, N) scores; with `strata` (N,) the mean of the strata's means (suites weigh equally).

    Strata are fixed (these five suites), problems within them random. With the `bounds` of scores, (0, 100)
    for percentages, the interval ends there, and where nothing varies it is the rule of three's.
    """
    seeds, problems = scores.shape
    weights = problem_weights(problems, strata)
    seed_means = scores @ weights
    mean = float(seed_means.mean())

    residual, problem_variance, problem_df = _problem_variance(scores, weights, strata)
    seed_variance = seed_means.var(ddof=1) / seeds if seeds > 1 else 0.0
    seed_share = max(0.0, seed_variance - residual)
    variance = problem_variance + seed_share
    shares = problem_variance**2 / problem_df + seed_share**2 / max(1, seeds - 1)
    freedom = float(variance**2 / shares) if shares > 0 else 1.0
    error = float(np.sqrt(variance))
    half_width = float(stats.t.ppf((1 + confidence) / 2, freedom)) * error
    found = Estimate(
        mean, mean - half_width, mean + half_width, error, freedom, _spread(seed_means), seeds, problems
    )
    return found if bounds is None else _bounded(found, split(scores.mean(0), strata), bounds, confidence)


def paired_difference(
    first: Matrix,
    second: Matrix,
    strata: NDArray | None = None,
    bounds: tuple[float, float] | None = None,
) -> Estimate:
    """Estimate of first - second on the same problems; `bounds` are the difference's, as for `estimate`.

    With the same number of seeds, runs are paired by seed as well (they shared prompts and random
    streams). A single model (one seed) is compared with every seed of the other.
    """
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"{first.shape[1]} and {second.shape[1]} problems cannot be paired")
    if first.shape[0] != second.shape[0] and 1 not in (first.shape[0], second.shape[0]):
        raise ValueError(f"{first.shape[0]} and {second.shape[0]} seeds cannot be paired")
    return estimate(first - second, strata, bounds=bounds)


def zero_p(found: Estimate) -> float:
    """Two-sided p of a true mean of zero: below 0.05 exactly when the 95 % interval leaves zero out."""
    if found.standard_error == 0:
        return float(found.mean == 0)
    return float(2 * stats.t.sf(abs(found.mean) / found.standard_error, found.freedom))


def _problem_variance(scores: Matrix, weights: Matrix, strata: NDArray | None) -> tuple[float, float, float]:
    """(V_rest, V_problems, degrees of freedom of V_problems), summed over strata."""
    seeds, problems = scores.shape
    labels = np.zeros(problems) if strata is None else strata
    rest, between, shares = 0.0, 0.0, 0.0
    for label in np.unique(labels):
        part = scores[:, labels == label]
        count = part.shape[1]
        if count < 2:
            raise ValueError(f"stratum {label!r} has {count} problem; an interval needs two or more")
        share = float(weights[labels == label].sum()) ** 2
        problem_means = part.mean(0)
        variance = share * float(problem_means.var(ddof=1)) / count
        between += variance
        shares += variance**2 / (count - 1)
        if seeds > 1:
            interaction = part - problem_means - part.mean(1, keepdims=True) + part.mean()
            rest += share * float((interaction**2).sum()) / ((seeds - 1) * (count - 1)) / (seeds * count)
    return rest, between, between**2 / shares if shares else 1.0


def _bounded(
    found: Estimate, parts: list[Matrix], bounds: tuple[float, float], confidence: float
) -> Estimate:
    """The estimate with its interval in `bounds`; `parts` are the problems' means, stratum by stratum."""
    if found.constant:
        low, high = rule_of_three(parts, bounds, confidence)
    else:
        low, high = max(bounds[0], found.low), min(bounds[1], found.high)
    return replace(found, low=low, high=high)


def _spread(seed_means: Matrix) -> float:
    return float(seed_means.std(ddof=1)) if len(seed_means) > 1 else float("nan")
