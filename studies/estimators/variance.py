"""Variance of the gradient estimate against horizon, and the exponent of its growth.

Every chain is a random student and teacher; rollouts are shared by all gammas and, cut short, by all
horizons. `gaussian` is the closed form of a walk whose steps are independent.
"""

from itertools import product

import numpy as np
import pandas as pd

from eval.statistics.bootstrap import bootstrap_interval
from programs.progress import progress
from studies.estimators import chain, walk
from studies.estimators.returns import martingale_bound, paper_bound
from studies.estimators.spec import CHAINS, EstimatorsSpec, VarianceSpec

GAUSSIAN = walk.Walk(theta=1.0, sigma=1.0, gain=0.0, start=0.0)
# Exponents of the bounds: the paper's by norms, ours with uncorrelated scores (returns.martingale_bound).
# Between 0 and 1 the paper states none; its argument gives what gamma 0 has.
PAPER_EXPONENT = {False: 2, True: 4}
MARTINGALE_EXPONENT = {False: 2, True: 3}


def measure(spec: EstimatorsSpec) -> pd.DataFrame:
    """variance.csv: one line per chain, pair, gamma and horizon, with both bounds in the same units."""
    asked, rows = spec.variance, []
    jobs = list(product(asked.chains, range(asked.pairs)))
    for kind, pair in progress(jobs, "variance", unit="pair"):
        rows += _of_pair(spec, kind, pair)
    for gamma, horizon in product(spec.gammas, asked.horizons):
        closed = walk.independent_variance(GAUSSIAN, horizon, gamma)
        rows.append(("gaussian", 0, gamma, horizon, closed, np.nan, np.nan))  # its rewards have no bound
    columns = ["chain", "pair", "gamma", "horizon", "variance", "paper_bound", "martingale_bound"]
    return pd.DataFrame(rows, columns=columns)


def _of_pair(spec: EstimatorsSpec, kind: str, pair: int) -> list[tuple]:
    asked = spec.variance
    random = np.random.default_rng((spec.seed, CHAINS.index(kind), pair))
    policy = chain.random_chain(kind, asked.tokens, asked.disagreement, random)
    sequences = chain.sample(policy, max(asked.horizons), asked.rollouts, random)
    scale = (np.abs(policy.reward).max() * policy.score_norm.max()) ** 2
    rows = []
    for gamma, horizon in product(spec.gammas, asked.horizons):
        estimates = chain.gradients(policy, sequences.first(horizon), gamma)
        bounds = (scale * paper_bound(horizon, gamma), scale * martingale_bound(horizon, gamma))
        rows.append((kind, pair, gamma, horizon, chain.total_variance(estimates), *bounds))
    return rows


def exponents(variance: pd.DataFrame, spec: VarianceSpec) -> pd.DataFrame:
    """exponents.csv: mean slope of log variance in log horizon, and its 95 % interval over pairs.

    Each pair is fitted by itself from `fit_from` on. A closed form has no interval.
    """
    rows = []
    for (kind, gamma), part in variance.groupby(["chain", "gamma"], sort=False):
        slopes = slope(
            part[part.horizon >= spec.fit_from].pivot(index="horizon", columns="pair", values="variance")
        )
        low, high = bootstrap_interval(slopes) if len(slopes) > 1 else (np.nan, np.nan)
        bounds = (PAPER_EXPONENT[gamma == 1], MARTINGALE_EXPONENT[gamma == 1])
        rows.append((kind, gamma, len(slopes), slopes.mean(), low, high, *bounds))
    columns = ["chain", "gamma", "pairs", "exponent", "low", "high", "paper_bound", "martingale_bound"]
    return pd.DataFrame(rows, columns=columns)


def slope(values: pd.DataFrame) -> np.ndarray:
    """Least-squares slope of log `values` in log index, per column."""
    x = np.log(values.index.to_numpy(float))
    return np.polyfit(x, np.log(values.to_numpy()), 1)[0]
