"""Discounted rewards to go: what every estimator here multiplies the score with."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def returns_to_go(reward: Array, gamma: float | Array, axis: int = -1) -> Array:
    """sum over t' >= t of gamma^(t' - t) r_t' along `axis`; `gamma` broadcasts against one step.

    Equation 3 of arXiv 2603.25562: gamma 0 is the token-level estimator, gamma 1 the causal form of the
    sequence-level one.
    """
    steps = np.moveaxis(reward, axis, 0)
    returns = np.empty_like(steps)
    running = np.zeros_like(steps[0])
    for t in range(len(steps) - 1, -1, -1):
        running = steps[t] + gamma * running
        returns[t] = running
    return np.moveaxis(returns, 0, axis)


def paper_bound(horizon: int, gamma: float) -> float:
    """Bound on the variance in units of (B_r B_s)^2, by norms alone: (sum of all discounts)^2.

    T^2 at gamma 0 and (T (T + 1) / 2)^2 at gamma 1: the argument of section 2.1.
    """
    return float(returns_to_go(np.ones(horizon), gamma).sum() ** 2)


def martingale_bound(horizon: int, gamma: float) -> float:
    """The same bound with scores taken as what they are, martingale differences.

    The estimator is sum_t' r_t' S_t' with S_t' = sum_{t <= t'} gamma^(t' - t) s_t. Scores are
    uncorrelated over time, so E ||S_t'||^2 <= B_s^2 sum_{j <= t'} gamma^(2 j), and Minkowski's inequality
    adds the roots. At most (4/9) (T + 1)^3 at gamma 1, and T^2 / (1 - gamma^2) below.
    """
    squares = np.cumsum(gamma ** (2.0 * np.arange(horizon)))
    return float(np.sqrt(squares).sum() ** 2)
