"""Adam and plain gradient descent for many parameter sets at once."""

import numpy as np

from studies.estimators.network import Parameters
from studies.estimators.returns import Array

_BETAS, _EPSILON = (0.9, 0.999), 1e-8


class Optimizer:
    """Descends in place. `name` is adam (its authors' betas) or sgd; `clip_norm` is per parameter set."""

    def __init__(
        self, parameters: Parameters, name: str, learning_rate: float, clip_norm: float | None = None
    ) -> None:
        self.parameters, self.learning_rate, self.clip_norm = parameters, learning_rate, clip_norm
        self.first = [np.zeros_like(p) for p in parameters] if name == "adam" else None
        self.second = [np.zeros_like(p) for p in parameters]
        self.steps = 0

    def step(self, gradient: Parameters) -> None:
        """One update along minus `gradient`."""
        self.steps += 1
        if self.clip_norm is not None:
            scale = np.minimum(1, self.clip_norm / norm(gradient))[:, None, None]
            gradient = [g * scale.astype(g.dtype) for g in gradient]
        for index, parameter in enumerate(self.parameters):
            parameter -= self.learning_rate * self._direction(index, gradient[index])

    def _direction(self, index: int, gradient: Array) -> Array:
        if self.first is None:
            return gradient
        first, second = self.first[index], self.second[index]
        first += (1 - _BETAS[0]) * (gradient - first)
        second += (1 - _BETAS[1]) * (gradient**2 - second)
        debiased = np.sqrt(second / (1 - _BETAS[1] ** self.steps))
        return first / (1 - _BETAS[0] ** self.steps) / (debiased + _EPSILON)


def norm(gradient: Parameters) -> Array:
    """(R,) norms of R gradients, in float64."""
    return np.sqrt(sum((g.astype(np.float64) ** 2).sum((1, 2)) for g in gradient))
