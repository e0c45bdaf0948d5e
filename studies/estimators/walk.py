"""A Gaussian policy on a line, in closed form.

The position moves by actions a_t = theta + sigma z_t with standard normal z. The teacher pulls back to its
target: its actions are N(-gain * position, sigma), positions measured from there. The student's one
parameter is theta. In units of sigma the means differ by d_t = (theta + gain * position_t) / sigma, so
r_t = log p - log q = d_t z_t + d_t^2 / 2, and the score is z_t / sigma.
"""

from typing import NamedTuple

import numpy as np

from studies.estimators.returns import Array, returns_to_go


class Walk(NamedTuple):
    """The student's mean action and spread, the teacher's pull, and the start, measured from its target."""

    theta: float
    sigma: float
    gain: float
    start: float


def estimates(walk: Walk, noise: Array, gamma: float) -> Array:
    """(N,) gradient estimates of trajectories whose standard normal noise is (N, T)."""
    actions = walk.theta + walk.sigma * noise
    position = walk.start + np.cumsum(actions, 1) - actions
    difference = (walk.theta + walk.gain * position) / walk.sigma
    reward = difference * noise + difference**2 / 2
    return (returns_to_go(reward, gamma) * noise).sum(1) / walk.sigma


def expected_gradient(walk: Walk, horizon: int, gamma: float) -> float:
    """Expectation of `estimates`; at gamma 1 the derivative of the expected KL summed over steps.

    E[r_t' s_t] is the mean difference at t' times its own slope: 1 at t' = t, `gain` at later t'.
    """
    steps = np.arange(horizon)
    difference = walk.theta + walk.gain * (walk.start + walk.theta * steps)
    discounts = np.cumsum(gamma ** np.arange(horizon)) - 1  # over the actions before each step
    return float((difference * (1 + walk.gain * discounts)).sum() / walk.sigma**2)


def independent_variance(walk: Walk, horizon: int, gamma: float) -> float:
    """Variance of `estimates` without pull, where steps are independent.

    (d^4 sum w_t^2 / 4 + 2 d^2 T + d^2 sum gamma^(2 (t' - t))) / sigma^2: w_t is the sum of the discounts
    from t on, and the last sum is over t < t'. Linear in T at gamma < 1; at gamma 1, d^4 T^3 / 12 leads.
    """
    if walk.gain:
        raise ValueError("steps are independent only without pull; write gain 0")
    d_squared = (walk.theta / walk.sigma) ** 2
    ones = np.ones(horizon)
    weights = returns_to_go(ones, gamma)
    pairs = (returns_to_go(ones, gamma**2) - 1).sum()
    terms = d_squared**2 / 4 * (weights**2).sum() + d_squared * (2 * horizon + pairs)
    return float(terms / walk.sigma**2)


def quadrature(horizon: int) -> tuple[Array, Array]:
    """(4^T, T) nodes and (4^T,) weights of standard normal noise, exact for means and variances.

    A squared estimate has degree 6 in each z_t; four Gauss-Hermite nodes are exact up to 7.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    weights = weights / weights.sum()
    every = np.indices([len(nodes)] * horizon).reshape(horizon, -1).T
    return nodes[every], weights[every].prod(1)
