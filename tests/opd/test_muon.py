"""Muon against torch's own, and its orthogonalisation against singular values."""

import pytest
import torch
from torch import nn

from opd.muon import Muon, orthogonalized

SHAPES = [(6, 6), (12, 5), (5, 12), (6, 6)]


def matrices(seed: int) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def test_the_same_path_as_torch_up_to_its_bfloat16():
    ours, theirs = matrices(0), matrices(0)
    options = {"lr": 0.02, "momentum": 0.95, "weight_decay": 0.1}
    optimizers = Muon(ours, **options), torch.optim.Muon(theirs, **options)
    for step in range(5):
        gradients = matrices(step + 1)
        for parameters, optimizer in zip((ours, theirs), optimizers, strict=True):
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient.detach().clone()
            optimizer.step()
    for mine, other, start in zip(ours, theirs, matrices(0), strict=True):
        moved = (other - start).norm()
        assert moved.item() > 0.1
        assert ((mine - other).norm() / moved).item() < 0.02


def test_singular_values_come_near_one_and_vectors_stay():
    for rows, columns in SHAPES:
        given = torch.randn(3, rows, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        for before, after in zip(given, orthogonalized(given), strict=True):
            u, _, v = torch.linalg.svd(before, full_matrices=False)
            core = u.T @ after @ v.T
            torch.testing.assert_close(core, torch.diag(core.diagonal()), atol=1e-9, rtol=0)
            assert ((core.diagonal() > 0.6) & (core.diagonal() < 1.3)).all()


def test_a_zero_gradient_leaves_only_weight_decay():
    (matrix,) = matrices(0)[:1]
    before = matrix.detach().clone()
    matrix.grad = torch.zeros_like(matrix)
    Muon([matrix], lr=0.1, momentum=0.9, weight_decay=0.5).step()
    torch.testing.assert_close(matrix.detach(), before * (1 - 0.1 * 0.5))


def test_only_matrices():
    with pytest.raises(ValueError, match="for matrices"):
        Muon([nn.Parameter(torch.zeros(3))], lr=0.1, momentum=0.9, weight_decay=0.0)
