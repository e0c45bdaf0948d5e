"""How often intervals over training seeds and problems hold the truth, in simulation.

    python -m eval.statistics.seed_coverage

Two methods answer the same problems k times with each of S seeds. The probit of the probability of a right
answer is the sum of a suite's level and normal effects of the problem, of the problem under this method,
of the seed, of the seed in this suite, and of the seed on this problem. Both methods are drawn alike, so
their true difference is 0 and the true score is the mean of the suites' levels. Of the intervals of the
difference, `Satterthwaite` is V_problems + V_seeds - V_rest with one t quantile, `min F'` the same without
subtraction (Clark 1973, J. Verbal Learning and Verbal Behavior 12, 335-359), `at least seeds` the larger
of the first and the t interval of the seed means, `Banerjee` has a quantile for each source, and `used` is
that of `estimate`; `score` is the same for one method's score. Prints a Markdown table: the standard
deviations of the difference in points, and of every interval the coverage in per cent and, in brackets, the
mean width relative to that of the oracle, which knows the true standard error (1.96 of them on either side
at 95 %). `alike`: in how many of a hundred replications seeds agree by chance (`Estimate.seeds_alike`), and
in brackets how many of these intervals hold the truth; `MDD`: 5 % and 95 % quantiles of the reported
minimal detectable difference, divided by the difference that 80 % of replications really detect. 2,000
replications have a standard error of 0.5 points of coverage.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from eval.statistics.crossed import Estimate, Variances, estimate, paired_difference
from eval.statistics.power import detectable_difference
from eval.statistics.strata import Matrix

Pair = tuple[Estimate, Estimate]
SEEDS = (3, 5, 10)
_MIDDLE = (0.3, 0.4, 0.5, 0.6, 0.7)
# The answers of so many replications are held at a time.
_BLOCK = 200


@dataclass(frozen=True)
class Setting:
    """Levels of the suites, problems in each, samples, and standard deviations of effects in probits."""

    name: str
    levels: tuple[float, ...] = _MIDDLE
    problems: int = 80
    samples: int = 4
    problem: float = 1.5
    method: float = 0.45
    seed: float = 0.0
    suite: float = 0.0
    rest: float = 0.1

    @property
    def truth(self) -> float:
        """The true score in per cent."""
        return 100 * float(np.mean(self.levels))

    @property
    def strata(self) -> NDArray:
        """(N,) suite of each problem."""
        return np.repeat(np.arange(len(self.levels)), self.problems)


SETTINGS = (
    Setting("seeds alike"),
    Setting("seeds differ little", seed=0.03, suite=0.1),
    Setting("as in table_ablation", seed=0.05, suite=0.15),
    Setting("seeds differ much", seed=0.12, suite=0.2),
    Setting("suite by suite", suite=0.3),
    Setting("methods alike but for seeds", method=0, seed=0.12, suite=0.2),
    Setting("methods differ on problems", method=1, seed=0.12, suite=0.2),
    Setting("greedy", samples=1, seed=0.15, suite=0.4),
    Setting("near 0 and 100 %", levels=(0.02, 0.02, 0.05, 0.95, 0.98), seed=0.2, suite=0.3),
    Setting("near 0 %", levels=(0.01, 0.01, 0.02, 0.02, 0.03), seed=0.2, suite=0.3),
    Setting("30 problems, 16 samples", levels=(0.4,), problems=30, samples=16, seed=0.15),
)


def main(replications: int, confidence: float) -> None:
    """Print coverage and width of every interval for every setting and number of seeds."""
    lines = []
    for setting, seeds in product(SETTINGS, SEEDS):
        found = replicate(setting, seeds, replications, confidence)
        cells = {
            name: f"{100 * held:.1f} ({width:.2f})"
            for name, (held, width) in measure(found, confidence).items()
        }
        cells |= {"alike": alike(found), "MDD": detectable(found, 1 - confidence)}
        score = np.mean([estimate.low <= setting.truth <= estimate.high for _, estimate in found])
        spreads = {name: f"{value:.1f}" for name, value in deviations(found).items()}
        lines.append({"setting": setting.name, "S": seeds, **spreads, **cells, "score": f"{100 * score:.1f}"})
    print(pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True))


def replicate(setting: Setting, seeds: int, replications: int, confidence: float = 0.95) -> list[Pair]:
    """Estimates of the methods' difference and of the first one's score, for each replication."""
    return [
        (
            paired_difference(first, second, setting.strata, bounds=(-100, 100)),
            estimate(first, setting.strata, confidence, bounds=(0, 100)),
        )
        for first, second in simulate(setting, seeds, replications, np.random.default_rng(0))
    ]


def measure(found: list[Pair], confidence: float = 0.95) -> dict[str, tuple[float, float]]:
    """Share of intervals of the difference that hold 0, and their mean width relative to the oracle's."""
    errors = np.array([difference.mean for difference, _ in found])
    halves = {
        name: np.array([half_width(difference.variances, 1 - confidence) for difference, _ in found])
        for name, half_width in INTERVALS.items()
    }
    oracle = stats.norm.ppf((1 + confidence) / 2) * errors.std()
    return {
        name: (float(np.mean(abs(errors) <= half)), float(half.mean() / oracle))
        for name, half in halves.items()
    }


def alike(found: list[Pair]) -> str:
    """Percentage of replications whose seeds agree by chance, and of these of intervals that hold 0."""
    agreeing = [difference for difference, _ in found if difference.seeds_alike]
    held = np.mean([each.low <= 0 <= each.high for each in agreeing]) if agreeing else np.nan
    return f"{100 * len(agreeing) / len(found):.0f} ({100 * held:.0f})"


def detectable(found: list[Pair], p: float) -> str:
    """5 % and 95 % quantiles of the minimal detectable difference, in units of the true one.

    At the true one the interval lies above zero in 80 % of the replications.
    """
    differences = [difference for difference, _ in found]
    errors = np.array([each.mean for each in differences])
    halves = np.array([each.variances.half_width(p) for each in differences])
    true = np.quantile(halves - errors, 0.8)
    reported = [detectable_difference(each.standard_error, each.freedom) for each in differences]
    low, high = np.quantile(np.array(reported) / true, (0.05, 0.95))
    return f"{low:.2f} to {high:.2f}"


def deviations(found: list[Pair]) -> dict[str, float]:
    """Standard deviations of the difference in points: over seeds, over problems, and of the rest."""
    variances = [difference.variances for difference, _ in found]
    of_problems, of_seeds, rest = (
        float(np.mean([getattr(each, name) for each in variances])) for name in ("problems", "seeds", "rest")
    )
    seeds, problems = found[0][0].seeds, found[0][0].problems
    return {
        "seed sd": max(0.0, seeds * (of_seeds - rest)) ** 0.5,
        "problem sd": max(0.0, problems * (of_problems - rest)) ** 0.5,
        "rest sd": (seeds * problems * rest) ** 0.5,
    }


def simulate(
    setting: Setting, seeds: int, replications: int, random: np.random.Generator
) -> Iterator[Matrix]:
    """Yield per replication the (S, N) percentages of both methods."""
    for start in range(0, replications, _BLOCK):
        size = (min(_BLOCK, replications - start), 2, seeds, len(setting.strata))
        yield from (
            100 * random.binomial(setting.samples, probabilities(setting, size, random)) / setting.samples
        )


def probabilities(setting: Setting, size: tuple[int, int, int, int], random: np.random.Generator) -> Matrix:
    """(replications, 2 methods, S, N) probabilities of a right answer, whose means are the suites' levels."""
    replications, methods, seeds, problems = size
    suites = len(setting.levels)
    effects = (
        random.normal(0, setting.problem, (replications, 1, 1, problems))
        + random.normal(0, setting.method, (replications, methods, 1, problems))
        + random.normal(0, setting.seed, (replications, methods, seeds, 1))
        + random.normal(0, setting.suite, (replications, methods, seeds, suites))[..., setting.strata]
        + random.normal(0, setting.rest, size)
    )
    deviations = (setting.problem, setting.method, setting.seed, setting.suite, setting.rest)
    # The mean of the normal distribution function of level + effects is that of level / spread.
    spread = (1 + sum(deviation**2 for deviation in deviations)) ** 0.5
    levels = special.ndtri(np.array(setting.levels)) * spread
    return special.ndtr(levels[setting.strata] + effects)


def satterthwaite(found: Variances, p: float) -> float:
    """Half width of the interval of V with one t quantile."""
    return _one_quantile(found, max(0.0, found.seeds - found.rest), p)


def min_f(found: Variances, p: float) -> float:
    """Half width where nothing is subtracted: the reciprocal of min F' is the sum of those of both F."""
    return _one_quantile(found, found.seeds, p)


def at_least_seeds(found: Variances, p: float) -> float:
    """The larger of Satterthwaite's half width and that of the seed means alone."""
    return max(satterthwaite(found, p), float(stats.t.isf(p / 2, found.seed_freedom)) * found.seeds**0.5)


def banerjee(found: Variances, p: float) -> float:
    """Half width with a quantile for each source where nothing is subtracted."""
    return replace(found, rest=0.0).half_width(p)


def _one_quantile(found: Variances, seeds: float, p: float) -> float:
    variance = found.problems + seeds
    if variance == 0:
        return 0.0
    freedom = variance**2 / (found.problems**2 / found.problem_freedom + seeds**2 / found.seed_freedom)
    return float(stats.t.isf(p / 2, freedom)) * variance**0.5


INTERVALS: dict[str, Callable[[Variances, float], float]] = {
    "Satterthwaite": satterthwaite,
    "min F'": min_f,
    "at least seeds": at_least_seeds,
    "Banerjee": banerjee,
    "used": Variances.half_width,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m eval.statistics.seed_coverage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--replications", type=int, default=2000)
    parser.add_argument("--confidence", type=float, default=0.95)
    main(**vars(parser.parse_args()))
