"""The Gaussian walk: closed forms against the quadrature, and that against sampling."""

import numpy as np
import pytest

from studies.estimators import chain, walk

PULLED = walk.Walk(theta=0.3, sigma=0.7, gain=0.4, start=-1.5)


def expected_kl(policy: walk.Walk, horizon: int) -> float:
    """Sum over steps of E d_t^2 / 2, from the position's mean and variance."""
    total = 0.0
    for t in range(horizon):
        mean = policy.theta + policy.gain * (policy.start + policy.theta * t)
        total += (mean**2 + policy.gain**2 * policy.sigma**2 * t) / (2 * policy.sigma**2)
    return total


def test_gamma_one_is_the_derivative_of_the_expected_kl():
    up, down = (expected_kl(PULLED._replace(theta=0.3 + h), 7) for h in (1e-6, -1e-6))
    assert walk.expected_gradient(PULLED, 7, 1.0) == pytest.approx((up - down) / 2e-6, rel=1e-7)


@pytest.mark.parametrize("gamma", [0.0, 0.6, 1.0])
def test_the_quadrature_gives_the_closed_form_mean(gamma):
    noise, weights = walk.quadrature(5)
    mean, _ = chain.moments(walk.estimates(PULLED, noise, gamma)[:, None], weights)
    assert mean[0] == pytest.approx(walk.expected_gradient(PULLED, 5, gamma), rel=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.6, 1.0])
def test_the_quadrature_gives_the_closed_form_variance(gamma):
    free = PULLED._replace(gain=0.0, theta=0.9)
    noise, weights = walk.quadrature(6)
    _, variance = chain.moments(walk.estimates(free, noise, gamma)[:, None], weights)
    assert variance == pytest.approx(walk.independent_variance(free, 6, gamma), rel=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.6, 1.0])
def test_sampling_has_the_moments_of_the_quadrature(gamma):
    noise, weights = walk.quadrature(5)
    mean, variance = chain.moments(walk.estimates(PULLED, noise, gamma)[:, None], weights)
    drawn = walk.estimates(PULLED, np.random.default_rng(0).normal(size=(400_000, 5)), gamma)
    assert abs(drawn.mean() - mean[0]) < 4 * drawn.std() / len(drawn) ** 0.5
    assert drawn.var() == pytest.approx(variance, rel=0.05)


def test_token_level_variance_of_one_step_by_hand():
    """g = (d z^2 + d^2 z / 2) / sigma: variance (2 d^2 + d^4 / 4) / sigma^2."""
    policy = walk.Walk(theta=1.0, sigma=2.0, gain=0.0, start=0.0)
    assert walk.independent_variance(policy, 1, 0.5) == pytest.approx((2 * 0.25 + 0.0625 / 4) / 4)


def test_dependent_steps_have_no_such_closed_form():
    with pytest.raises(ValueError, match="write gain 0"):
        walk.independent_variance(PULLED, 3, 1.0)
