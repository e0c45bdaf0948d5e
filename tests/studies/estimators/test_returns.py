"""Rewards to go against the double sum they are defined by; bounds against their own definitions."""

import numpy as np
import pytest

from studies.estimators.returns import martingale_bound, paper_bound, returns_to_go


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("axis", [0, 1])
def test_returns_are_the_double_sum(gamma, axis):
    reward = np.random.default_rng(0).normal(size=(5, 4))
    found = np.moveaxis(returns_to_go(reward, gamma, axis), axis, 0)
    steps = np.moveaxis(reward, axis, 0)
    for t in range(len(steps)):
        expected = sum(gamma ** (k - t) * steps[k] for k in range(t, len(steps)))
        np.testing.assert_allclose(found[t], expected)


def test_gamma_may_differ_by_row():
    reward = np.random.default_rng(0).normal(size=(2, 6, 3))
    found = returns_to_go(reward, np.array([[0.0], [1.0]]), axis=1)
    np.testing.assert_allclose(found[0], reward[0])
    np.testing.assert_allclose(found[1, 0], reward[1].sum(0))


def test_bounds_by_hand():
    assert [paper_bound(4, gamma) for gamma in (0.0, 1.0)] == [16, 100]
    assert martingale_bound(4, 0.0) == 16
    assert martingale_bound(3, 1.0) == pytest.approx((1 + 2**0.5 + 3**0.5) ** 2)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9, 1.0])
def test_the_martingale_bound_is_the_lower_and_grows_as_stated(gamma):
    for horizon in (1, 8, 64, 512):
        bound = martingale_bound(horizon, gamma)
        assert bound <= paper_bound(horizon, gamma) * (1 + 1e-12)
        limit = 4 / 9 * (horizon + 1) ** 3 if gamma == 1 else horizon**2 / (1 - gamma**2)
        assert bound <= limit * (1 + 1e-12)
