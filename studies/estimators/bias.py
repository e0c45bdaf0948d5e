"""Bias and variance of the estimators against the exact gradient, without sampling, in float64.

Bigram policies by enumeration of every sequence; a Gaussian walk whose teacher reacts to its position by
Gauss-Hermite quadrature, which is exact for it. Both have a future that depends on what is done now;
without that the token-level estimator would have no bias.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from programs.progress import progress
from studies.estimators import chain, walk
from studies.estimators.returns import Array
from studies.estimators.spec import EstimatorsSpec

WALK = walk.Walk(theta=0.0, sigma=1.0, gain=0.2, start=-2.0)


class Moments(NamedTuple):
    """Exact moments of an estimator: its mean, its total variance, and the true gradient."""

    mean: Array
    variance: float
    gradient: Array


def measure(spec: EstimatorsSpec) -> pd.DataFrame:
    """bias.csv: one line per policy, pair, horizon and gamma; bias and deviation relative to the gradient.

    `break_even_batch` is the batch above which the unbiased estimator has the smaller mean squared error.
    """
    rows = []
    for policy, pair, horizon in _cases(spec):
        found = {gamma: _moments(spec, policy, pair, horizon, gamma) for gamma in {*spec.gammas, 1.0}}
        for gamma in spec.gammas:
            rows.append((policy, pair, horizon, gamma, *_compared(found[gamma], found[1.0])))
    columns = ["policy", "pair", "horizon", "gamma", "gradient_norm", "relative_bias", "cosine"]
    return pd.DataFrame(rows, columns=[*columns, "relative_deviation", "break_even_batch"])


def _cases(spec: EstimatorsSpec) -> Iterator[tuple[str, int, int]]:
    bigram = list(product(["bigram"], range(spec.bias.pairs), spec.bias.horizons))
    gaussian = list(product(["gaussian"], [0], spec.bias.horizons))
    yield from progress(bigram + gaussian, "bias", unit="policy")


def _moments(spec: EstimatorsSpec, policy: str, pair: int, horizon: int, gamma: float) -> Moments:
    if policy == "gaussian":
        return gaussian_moments(WALK, horizon, gamma)
    random = np.random.default_rng((spec.seed, 100, pair))
    return bigram_moments(
        chain.random_chain("mixing", spec.bias.tokens, spec.bias.disagreement, random), horizon, gamma
    )


def bigram_moments(policy: chain.Chain, horizon: int, gamma: float) -> Moments:
    """Moments over every sequence of a bigram policy."""
    sequences, probability = chain.every_sequence(policy, horizon)
    mean, variance = chain.moments(chain.gradients(policy, sequences, gamma), probability)
    return Moments(mean, variance, chain.expected_gradient(policy, horizon, 1.0))


def gaussian_moments(policy: walk.Walk, horizon: int, gamma: float) -> Moments:
    """Moments of a walk, by a quadrature that is exact for them."""
    noise, weights = walk.quadrature(horizon)
    mean, variance = chain.moments(walk.estimates(policy, noise, gamma)[:, None], weights)
    return Moments(mean, variance, np.array([walk.expected_gradient(policy, horizon, 1.0)]))


def _compared(found: Moments, unbiased: Moments) -> tuple[float, ...]:
    size = float(np.linalg.norm(found.gradient))
    bias = float(np.linalg.norm(found.mean - found.gradient))
    cosine = float((found.mean * found.gradient).sum() / (np.linalg.norm(found.mean) * size))
    if bias < 1e-9 * size:  # rounding: there is no bias at gamma 1 and at horizon 1
        bias = 0.0
    batch = (unbiased.variance - found.variance) / bias**2 if bias else np.nan
    return size, bias / size, cosine, found.variance**0.5 / size, batch
