"""Bigram policies: estimates, gradients and moments against loops, differences and each other."""

import numpy as np
import pytest

from studies.estimators import chain
from studies.estimators.returns import martingale_bound


def small(kind="mixing", tokens=3, seed=0) -> chain.Chain:
    return chain.random_chain(kind, tokens, 1.0, np.random.default_rng(seed))


def sequence_kl(logits, teacher, start, horizon) -> float:
    """KL of whole sequences, every one of them by a loop."""
    policy = chain.Chain(chain.log_softmax(logits), teacher, start)
    sequences, probability = chain.every_sequence(policy, horizon)
    return sum(
        weight * sum(policy.reward[a, b] for a, b in zip(before, token, strict=True))
        for weight, before, token in zip(probability, *sequences, strict=True)
    )


def test_an_estimate_is_the_sum_of_returns_times_scores():
    policy = small()
    sequences = chain.sample(policy, 5, 4, np.random.default_rng(1))
    found = chain.gradients(policy, sequences, 0.7)
    for n, (before, token) in enumerate(zip(*sequences, strict=True)):
        expected = np.zeros((3, 3))
        for t in range(5):
            back = sum(0.7 ** (k - t) * policy.reward[before[k], token[k]] for k in range(t, 5))
            expected[before[t]] -= back * np.exp(policy.student[before[t]])
            expected[before[t], token[t]] += back
        np.testing.assert_allclose(found[n], expected, atol=1e-12)


def test_gamma_one_is_the_gradient_of_the_sequence_kl():
    random = np.random.default_rng(2)
    logits, teacher = random.normal(size=(3, 3)), chain.log_softmax(random.normal(size=(3, 3)))
    start = np.array([0.2, 0.5, 0.3])
    found = chain.expected_gradient(chain.Chain(chain.log_softmax(logits), teacher, start), 4, 1.0)
    for cell in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[cell] = 1e-5
        up, down = (sequence_kl(logits + sign * step, teacher, start, 4) for sign in (1, -1))
        assert found[cell] == pytest.approx((up - down) / 2e-5, abs=1e-8)


def test_gamma_zero_holds_visits_constant():
    """Token level: the gradient of each context's KL, weighted by how often it is visited."""
    policy = small()
    p = np.exp(policy.student)
    visits = sum(policy.start @ np.linalg.matrix_power(p, t) for t in range(4))
    kl = (p * policy.reward).sum(1, keepdims=True)
    expected = visits[:, None] * p * (policy.reward - kl)
    np.testing.assert_allclose(chain.expected_gradient(policy, 4, 0.0), expected, atol=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_dynamic_programming_agrees_with_enumeration(gamma):
    policy = small("sticky")
    sequences, probability = chain.every_sequence(policy, 5)
    assert probability.sum() == pytest.approx(1)
    mean, variance = chain.moments(chain.gradients(policy, sequences, gamma), probability)
    np.testing.assert_allclose(mean, chain.expected_gradient(policy, 5, gamma), atol=1e-12)
    assert variance > 0


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_sampling_is_unbiased_with_the_enumerated_variance(gamma):
    policy, count = small(), 200_000
    sequences, probability = chain.every_sequence(policy, 4)
    _, variance = chain.moments(chain.gradients(policy, sequences, gamma), probability)
    estimates = chain.gradients(policy, chain.sample(policy, 4, count, np.random.default_rng(3)), gamma)
    error = estimates.std(0) / count**0.5
    assert (abs(estimates.mean(0) - chain.expected_gradient(policy, 4, gamma)) < 4 * error).all()
    assert chain.total_variance(estimates) == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_second_moments_stay_below_the_martingale_bound(gamma):
    for kind in ("mixing", "sticky", "absorbing"):
        policy = small(kind, 4)
        sequences, probability = chain.every_sequence(policy, 5)
        mean, variance = chain.moments(chain.gradients(policy, sequences, gamma), probability)
        scale = (abs(policy.reward).max() * policy.score_norm.max()) ** 2
        assert variance + (mean**2).sum() <= scale * martingale_bound(5, gamma)


def test_score_norms_by_hand():
    policy = chain.Chain(
        np.log([[0.25, 0.75], [0.5, 0.5]]), np.log(np.full((2, 2), 0.5)), np.array([1.0, 0.0])
    )
    np.testing.assert_allclose(policy.score_norm, [[0.75 * 2**0.5, 0.25 * 2**0.5], [0.5**0.5, 0.5**0.5]])


def test_kinds_of_chain():
    sticky, absorbing = np.exp(small("sticky", 8).student), np.exp(small("absorbing", 8).student)
    assert np.diag(sticky).min() > 0.5
    assert absorbing[:4, 4:].max() < 1e-15
    assert absorbing[4:, :4].max() < 1e-15
