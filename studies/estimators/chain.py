"""Bigram policies: the smallest language models whose gradient is known exactly.

The student's parameters are its (A, A) logits, row = the token before. Rewards r are log p - log q of
the sampled token, so estimators here estimate the gradient of the reverse KL, to be descended.
"""

from typing import NamedTuple

import numpy as np

from studies.estimators.returns import Array, returns_to_go


class Chain(NamedTuple):
    """A student and its teacher: (A, A) log-probabilities; `start` (A,) weighs the token before the first."""

    student: Array
    teacher: Array
    start: Array

    @property
    def reward(self) -> Array:
        """(A, A) log p - log q, in nats."""
        return self.student - self.teacher

    @property
    def score_norm(self) -> Array:
        """(A, A) norm of the gradient of log p with respect to the logits."""
        p = np.exp(self.student)
        return np.sqrt((1 - p) ** 2 + (p**2).sum(1, keepdims=True) - p**2)


class Sequences(NamedTuple):
    """N sequences of T tokens, each token with the one before it: two (N, T) arrays."""

    before: np.ndarray
    token: np.ndarray

    def first(self, horizon: int) -> "Sequences":
        """Their first tokens, which are sequences of that horizon."""
        return Sequences(self.before[:, :horizon], self.token[:, :horizon])


def random_chain(kind: str, tokens: int, disagreement: float, random: np.random.Generator) -> Chain:
    """Normal student logits; the teacher's differ by normal noise of scale `disagreement`.

    `mixing` forgets its start at once; `sticky` repeats a token some ten times; `absorbing` stays in the
    half of the vocabulary where it starts, so that whole sequences differ in kind.
    """
    logits = random.normal(size=(tokens, tokens))
    noise = disagreement * random.normal(size=(tokens, tokens))
    half = np.arange(tokens) < tokens // 2
    if kind == "sticky":
        logits = logits + np.diag(np.full(tokens, 5.0))
    elif kind == "absorbing":
        logits = logits - 50.0 * (half[:, None] != half[None])
    start = np.full(tokens, 1 / tokens)
    return Chain(log_softmax(logits), log_softmax(logits + noise), start)


def log_softmax(logits: Array) -> Array:
    """Log-probabilities of logits, over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def sample(chain: Chain, horizon: int, rollouts: int, random: np.random.Generator) -> Sequences:
    """Sequences drawn from the student."""
    cumulative = np.exp(chain.student).cumsum(1)
    path = np.empty((horizon + 1, rollouts), dtype=np.int64)
    path[0] = random.choice(len(chain.start), rollouts, p=chain.start)
    for t, uniform in enumerate(random.random((horizon, rollouts))):
        # The last threshold is 1 but for rounding, so it is left out.
        path[t + 1] = (uniform[:, None] >= cumulative[path[t], :-1]).sum(1)
    return Sequences(path[:-1].T, path[1:].T)


def gradients(chain: Chain, sequences: Sequences, gamma: float) -> Array:
    """(N, A, A) estimates of the gradient, one per sequence."""
    before, token = sequences
    count, size = len(before), len(chain.student)
    returns = returns_to_go(chain.reward[before, token], gamma)
    cell = (np.arange(count)[:, None] * size + before) * size + token
    credited = np.bincount(cell.ravel(), returns.ravel(), count * size * size).reshape(count, size, size)
    # The score of `token` after `before` is its indicator minus p(. | before).
    return credited - credited.sum(2, keepdims=True) * np.exp(chain.student)


def expected_gradient(chain: Chain, horizon: int, gamma: float) -> Array:
    """(A, A) exact expectation of `gradients`, by dynamic programming; at gamma 1 the true gradient."""
    p = np.exp(chain.student)
    values = [np.zeros(len(p))]  # expected return of the last n steps, by the token before them
    for _ in range(horizon - 1):
        values.append((p * (chain.reward + gamma * values[-1])).sum(1))
    visits, total = chain.start, np.zeros_like(p)
    for following in reversed(values):
        credited = visits[:, None] * p * (chain.reward + gamma * following)
        total += credited - credited.sum(1, keepdims=True) * p
        visits = visits @ p
    return total


def every_sequence(chain: Chain, horizon: int) -> tuple[Sequences, Array]:
    """All A^(T + 1) sequences with their starts, and (N,) probabilities under the student."""
    path = np.indices([len(chain.start)] * (horizon + 1)).reshape(horizon + 1, -1).T
    sequences = Sequences(path[:, :-1], path[:, 1:])
    log_probability = chain.student[sequences.before, sequences.token].sum(1)
    return sequences, chain.start[path[:, 0]] * np.exp(log_probability)


def total_variance(estimates: Array) -> float:
    """Trace of the covariance of (N, ...) estimates, unbiased."""
    return float(estimates.reshape(len(estimates), -1).var(0, ddof=1).sum())


def moments(estimates: Array, probability: Array) -> tuple[Array, float]:
    """Mean and total variance of (N, ...) estimates that occur with (N,) probabilities."""
    flat = estimates.reshape(len(estimates), -1)
    mean = probability @ flat
    return mean.reshape(estimates.shape[1:]), float(probability @ ((flat - mean) ** 2).sum(1))
