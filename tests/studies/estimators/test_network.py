"""Networks and densities in float64 against finite differences and scipy."""

import numpy as np
import pytest
from scipy import integrate, stats

from studies.estimators import network
from studies.estimators.network import Gaussian


def batch(width=5, policies=2, states=7):
    parameters = network.initial(list(range(policies)), width, np.float64)
    random = np.random.default_rng(9)
    parameters = [array + 0.3 * random.normal(size=array.shape) for array in parameters]
    return parameters, random.normal(size=(policies, states, 3)), random.normal(size=(policies, states, 2))


def test_backward_is_the_gradient():
    parameters, inputs, error = batch()
    _, activations = network.forward(parameters, inputs)
    gradient = network.backward(parameters, activations, error)
    for array, slope in zip(parameters, gradient, strict=True):
        assert slope.shape == array.shape
        cell = tuple(size - 1 for size in array.shape)
        kept, sides = array[cell], []
        for step in (1e-6, -1e-6):
            array[cell] = kept + step
            sides.append((network.forward(parameters, inputs)[0] * error).sum())
        array[cell] = kept
        assert slope[cell] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-6, abs=1e-8)


def test_the_declared_width_has_about_four_thousand_parameters():
    assert sum(array[0].size for array in network.initial([0], 60)) == 4022


def test_policies_of_one_seed_are_alike_and_others_not():
    first = network.initial([5, 5, 6], 4)[0]
    assert (first[0] == first[1]).all()
    assert (first[0] != first[2]).all()


def test_density_and_score():
    output, action = np.array([[[0.4, -0.3]]]), np.array([[1.1]])

    def density(change: np.ndarray) -> float:
        return network.log_density(network.gaussian(output + change, 0.2), action).item()

    policy = network.gaussian(output, 0.2)
    deviation = 0.2 + np.log1p(np.exp(-0.3))
    assert policy.deviation.item() == pytest.approx(deviation)
    expected = stats.norm.logpdf(1.1, 0.4, deviation) + 0.5 * np.log(2 * np.pi)
    assert density(np.zeros(2)) == pytest.approx(expected)
    slopes = [(density(h) - density(-h)) / 2e-6 for h in 1e-6 * np.eye(2)]
    np.testing.assert_allclose(network.score(policy, action)[0, 0], slopes, rtol=1e-7)


def test_kl_is_the_integral():
    p, q = (Gaussian(np.array(m), np.array(s), np.array(0.0)) for m, s in ((0.3, 0.5), (-0.2, 0.9)))

    def integrand(x: float) -> float:
        return stats.norm.pdf(x, 0.3, 0.5) * (
            stats.norm.logpdf(x, 0.3, 0.5) - stats.norm.logpdf(x, -0.2, 0.9)
        )

    assert float(network.kl(p, q)) == pytest.approx(integrate.quad(integrand, -6, 6)[0], rel=1e-8)
