"""A step that would break the model ends the run."""

import math

import pytest

from opd import learner
from tests.opd.specs import distill_spec


@pytest.mark.parametrize(("loss", "slope"), [(1.5, math.inf), (1.5, math.nan), (math.nan, 1.0)])
def test_neither_loss_nor_gradient_may_be_infinite(folders, loss, slope):
    """A finite loss may have an infinite gradient, as the square root has at zero."""
    student = learner.load(folders[0], distill_spec())
    for parameter in student.model.parameters():
        parameter.grad = parameter.new_ones(parameter.shape)
    student.model.lm_head.weight.grad[3, 2] = slope
    with pytest.raises(FloatingPointError, match=f"the loss is {loss}, the gradient norm "):
        student.update(loss)
