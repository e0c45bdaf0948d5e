"""Adam against torch's, clipping by hand."""

import numpy as np
import pytest
import torch

from studies.estimators.optimizer import Optimizer, norm


def test_adam_is_torchs():
    random = np.random.default_rng(0)
    ours = [random.normal(size=(2, 3, 4)), random.normal(size=(2, 1, 4))]
    theirs = [torch.tensor(array, requires_grad=True) for array in ours]
    mine, reference = Optimizer(ours, "adam", 0.01), torch.optim.Adam(theirs, lr=0.01)
    for _ in range(5):
        gradient = [random.normal(size=array.shape) for array in ours]
        mine.step(gradient)
        for tensor, array in zip(theirs, gradient, strict=True):
            tensor.grad = torch.tensor(array)
        reference.step()
    for array, tensor in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(array, tensor.detach().numpy(), rtol=1e-12)


def test_each_set_of_parameters_is_clipped_by_its_own_norm():
    parameters = [np.zeros((2, 1, 2))]
    gradient = [np.array([[[3.0, 4.0]], [[0.3, 0.4]]])]
    np.testing.assert_allclose(norm(gradient), [5, 0.5])
    Optimizer(parameters, "sgd", 1.0, clip_norm=1.0).step(gradient)
    assert parameters[0].ravel().tolist() == pytest.approx([-0.6, -0.8, -0.3, -0.4])
