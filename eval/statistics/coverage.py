"""How often 95 % intervals hold the truth, in simulation: of avg@k, and of a difference of two runs.

    python -m eval.statistics.coverage

Problems have success rates from a Beta distribution, whose mean is the truth, and k samples each. Of the
columns, `independent` takes all N k samples as independent, `t` is the clustered t interval,
`percentile` and `BCa` are scipy's bootstraps over problems, `widened BCa` is `bootstrap_interval`. The runs
of a difference are alike and part on a few problems each way. Prints two Markdown tables; 2,000
replications have a standard error of 0.5 points.
"""

import argparse
from collections import Counter
from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from eval.statistics.bootstrap import bootstrap_interval
from eval.statistics.crossed import estimate
from eval.statistics.interval import mean_interval
from eval.statistics.strata import Matrix

DESIGNS = ((10, 16), (20, 16), (30, 16), (100, 4), (500, 4))
SHAPES = ((5, 5), (1, 1), (0.4, 0.4), (2, 5), (0.4, 1.6), (0.2, 2))
PARTED = ((100, 0.02), (100, 0.1), (272, 0.01), (500, 0.005), (500, 0.05))
_RESAMPLES = 1000
Interval = tuple[float, float]
Intervals = Callable[[Matrix, int, int], dict[str, Interval]]


def main(replications: int) -> None:
    """Print the coverage of every interval for every design and shape, in per cent."""
    lines = [
        {"N": problems, "k": k, "p ~ Beta": f"{a:g}, {b:g}", "mean": f"{a / (a + b):.2f}"}
        | {
            name: f"{100 * share:.1f}"
            for name, share in coverage(problems, k, (a, b), replications, candidates).items()
        }
        for (problems, k), (a, b) in product(DESIGNS, SHAPES)
    ]
    print(pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True), end="\n\n")
    lines = [
        {"N": problems, "each way": f"{100 * share:g} %"}
        | {name: f"{100 * held:.1f}" for name, held in of_differences(problems, share, replications).items()}
        for problems, share in PARTED
    ]
    print(pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True))


def of_differences(problems: int, share: float, replications: int) -> dict[str, float]:
    """Share of replications in which the intervals of a difference hold zero, the truth.

    Of the problems `share` are solved by the first run alone, and as many by the second alone.
    """
    random = np.random.default_rng(0)
    drawn = random.choice([-1.0, 0.0, 1.0], (replications, problems), p=[share, 1 - 2 * share, share])
    held: Counter[str] = Counter()
    for seed, differences in enumerate(drawn):
        found = estimate(differences[None])
        intervals = {"t": (found.low, found.high), "widened BCa": _widened(differences, seed)}
        held.update({name: int(low <= 0 <= high) for name, (low, high) in intervals.items()})
    return {name: count / replications for name, count in held.items()}


def coverage(
    problems: int, k: int, shape: tuple[float, float], replications: int, intervals: Intervals
) -> dict[str, float]:
    """Share of replications in which each of `intervals(shares, k, seed)`, by name, holds the truth."""
    random = np.random.default_rng(0)
    truth = shape[0] / sum(shape)
    rates = random.beta(*shape, (replications, problems))
    held: Counter[str] = Counter()
    for seed, shares in enumerate(random.binomial(k, rates) / k):
        found = intervals(shares, k, seed)
        held.update({name: int(low <= truth <= high) for name, (low, high) in found.items()})
    return {name: count / replications for name, count in held.items()}


def used(shares: Matrix, k: int, seed: int) -> dict[str, Interval]:
    """The interval that `mean_interval` chooses."""
    return {"used": mean_interval(shares, resamples=_RESAMPLES, seed=seed)}


def candidates(shares: Matrix, k: int, seed: int) -> dict[str, Interval]:
    """All intervals of the mean of (N,) shares of k samples."""
    mean, noise = shares.mean(), np.sqrt(shares.mean() * (1 - shares.mean()) / (len(shares) * k))
    clustered = estimate(shares[None])
    return {
        "independent": (mean - 1.96 * noise, mean + 1.96 * noise),
        "t": (clustered.low, clustered.high),
        "percentile": _scipy(shares, "percentile", seed),
        "BCa": _scipy(shares, "BCa", seed),
        "widened BCa": _widened(shares, seed),
    }


def _widened(shares: Matrix, seed: int) -> Interval:
    if np.ptp(shares) == 0:
        return shares[0], shares[0]
    return bootstrap_interval(shares, resamples=_RESAMPLES, seed=seed)


def _scipy(shares: Matrix, method: str, seed: int) -> Interval:
    if np.ptp(shares) == 0:
        return shares[0], shares[0]
    random = np.random.default_rng(seed)
    found = stats.bootstrap((shares,), np.mean, method=method, n_resamples=_RESAMPLES, rng=random)
    return found.confidence_interval


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m eval.statistics.coverage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--replications", type=int, default=2000)
    main(parser.parse_args().replications)
