"""Muon: momentum whose matrices are orthogonalised before they are applied (Jordan et al., 2024).

`torch.optim.Muon` orthogonalises in bfloat16, which a CPU without bfloat16 units emulates: there it takes
195 of the 320 ms of a pretraining step of the mini scale's teacher. This one works in the parameters' own
precision, all matrices of one shape at once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic, chosen there for its slope at zero
_ITERATIONS = 5
_SMALLEST_NORM = 1e-7


class Muon(Optimizer):
    """Nesterov momentum, orthogonalised, with decoupled weight decay; for matrices alone.

    A step is `learning_rate * sqrt(max(1, rows / columns))` long in spectral norm, give or take a half.
    ValueError for a parameter that is not a matrix.
    """

    def __init__(
        self, matrices: Iterable[nn.Parameter], lr: float, momentum: float, weight_decay: float
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        if any(matrix.ndim != 2 for group in self.param_groups for matrix in group["params"]):
            raise ValueError("Muon is for matrices; give other parameters to another optimiser")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        assert closure is None, "no closure is evaluated"
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    by_shape[matrix.shape].append(matrix)
            for (rows, columns), matrices in by_shape.items():
                directions = torch.stack([self._direction(each, group["momentum"]) for each in matrices])
                length = group["lr"] * max(1, rows / columns) ** 0.5
                for matrix, update in zip(matrices, orthogonalized(directions), strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-length)

    def _direction(self, matrix: nn.Parameter, momentum: float) -> Tensor:
        gradient, state = matrix.grad, self.state[matrix]
        assert gradient is not None
        average = state.setdefault("momentum_buffer", torch.zeros_like(gradient))
        average.lerp_(gradient, 1 - momentum)
        return gradient.lerp(average, momentum)


def orthogonalized(matrices: Tensor) -> Tensor:
    """Matrices (B, m, n) with singular vectors kept, large singular values near 1 (0.7 to 1.2).

    Five Newton-Schulz iterations of a quintic polynomial, on the smaller side of the matrix.
    """
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=_SMALLEST_NORM)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x
