"""Gaussian policies as three-layer perceptrons in numpy, many of them at once.

R policies share every matrix product: parameters have a leading axis R, and so has the input. The
output is (mean, rho); the standard deviation is sigma_floor + softplus(rho).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from studies.estimators.returns import Array

Parameters = list[Array]  # W1 (R, 3, H), b1 (R, 1, H), W2 (R, H, H), b2 (R, 1, H), W3 (R, H, 2), b3 (R, 1, 2)
INPUTS = 3  # task id, position, time
SPREAD_AT_START = -0.5  # rho: a standard deviation of 0.47 above the floor


class Activations(NamedTuple):
    """What the backward pass needs: input and both hidden layers, (R, N, .) each."""

    inputs: Array
    first: Array
    second: Array


class Gaussian(NamedTuple):
    """Actions' distribution, and what its standard deviation changes by per rho: (R, N) each."""

    mean: Array
    deviation: Array
    slope: Array


def initial(seeds: Sequence[int | tuple[int, ...]], width: int, dtype: type = np.float32) -> Parameters:
    """One policy per seed: normal weights of scale 1/sqrt(inputs), the last layer a tenth of that."""
    drawn: list[list[Array]] = []
    for seed in seeds:
        random = np.random.default_rng(seed)
        sizes = ((INPUTS, width, 1.0), (width, width, 1.0), (width, 2, 0.1))
        layers = [
            (random.normal(size=(n, m)) * scale / np.sqrt(n), np.zeros((1, m))) for n, m, scale in sizes
        ]
        layers[-1][1][0, 1] = SPREAD_AT_START
        drawn.append([array.astype(dtype) for layer in layers for array in layer])
    return [np.stack(arrays) for arrays in zip(*drawn, strict=True)]


def forward(parameters: Parameters, inputs: Array) -> tuple[Array, Activations]:
    """(R, N, 2) outputs of (R, N, 3) inputs."""
    w1, b1, w2, b2, w3, b3 = parameters
    first = _hidden(inputs @ w1, b1)
    second = _hidden(first @ w2, b2)
    return second @ w3 + b3, Activations(inputs, first, second)


def backward(parameters: Parameters, activations: Activations, error: Array) -> Parameters:
    """Gradient of sum(output * error), `error` (R, N, 2) held constant."""
    inputs, first, second = activations
    at_second = _through_tanh(error @ _t(parameters[4]), second)
    at_first = _through_tanh(at_second @ _t(parameters[2]), first)
    gradient = []
    for below, above in ((inputs, at_first), (first, at_second), (second, error)):
        gradient += [_t(below) @ above, above.sum(1, keepdims=True)]
    return gradient


# In place: half of the toy's time would go into making arrays of several MB for a moment.


def _hidden(product: Array, bias: Array) -> Array:
    product += bias
    return np.tanh(product, out=product)


def _through_tanh(error: Array, hidden: Array) -> Array:
    """The gradient before tanh: error x (1 - hidden^2)."""
    slope = np.square(hidden)
    np.subtract(1, slope, out=slope)
    error *= slope
    return error


def gaussian(output: Array, sigma_floor: float) -> Gaussian:
    """The distributions of actions behind (R, N, 2) outputs."""
    mean, rho = output[..., 0], output[..., 1]
    slope = 1 / (1 + np.exp(-rho))
    return Gaussian(mean, sigma_floor + np.logaddexp(0, rho, dtype=rho.dtype), slope)


def log_density(policy: Gaussian, action: Array) -> Array:
    """Log-density of actions, in nats, less log sqrt(2 pi)."""
    return -0.5 * ((action - policy.mean) / policy.deviation) ** 2 - np.log(policy.deviation)


def score(policy: Gaussian, action: Array) -> Array:
    """(R, N, 2) gradient of the log-density with respect to the output."""
    z = (action - policy.mean) / policy.deviation
    return np.stack([z / policy.deviation, (z**2 - 1) * policy.slope / policy.deviation], -1)


def kl(p: Gaussian, q: Gaussian) -> Array:
    """KL(p || q) per state, in nats."""
    ratio = p.deviation / q.deviation
    return 0.5 * (ratio**2 + ((p.mean - q.mean) / q.deviation) ** 2 - 1) - np.log(ratio)


def _t(matrices: Array) -> Array:
    return matrices.swapaxes(-1, -2)
