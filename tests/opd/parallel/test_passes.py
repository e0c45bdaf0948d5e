"""The gradient of losses whose gradient can be said by hand, whoever computes which. Gloo on a CPU."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from opd import lora, models
from opd.batch import TokenBatch
from opd.lm_head import head_of, support_logits
from opd.parallel import passes, ranks, sharding
from opd.scoring.compare import hidden_states
from opd.spec import LoraSpec, MemorySpec
from tests.opd.parallel.processes import on_ranks

ROW = 7  # of the head, which is the losses' logit


def states(model, token: int) -> Tensor:
    """(2, d) hidden states of a sequence of three tokens."""
    tokens = torch.tensor([[token, token + 1, token + 2]])
    real = torch.ones_like(tokens, dtype=torch.bool)
    return hidden_states(model, TokenBatch(tokens, real, real.triu(1)))


def loss(model, factor: float, token: int) -> Tensor:
    """`factor` times the logits of the row: its gradient at the row is `factor` times the states' sum."""
    return factor * (states(model, token) @ model.lm_head.weight[ROW]).sum()


def accumulated(student: Path, of_ranks: list[list[tuple[float, int]]]) -> tuple[float, Tensor]:
    """What the losses of this rank sum to, and the head's gradient."""
    model = models.load(student)
    root = sharding.student(model, MemorySpec())
    total = passes.accumulate(root, [partial(loss, model, *each) for each in of_ranks[ranks.rank()]])
    gradient = model.lm_head.weight.grad
    return total, gradient.full_tensor() if isinstance(gradient, DTensor) else gradient


@pytest.mark.parametrize(
    "of_ranks",
    [
        [[(1.0, 20), (-2.0, 30), (0.5, 40)]],
        [[(1.0, 20)], [(-2.0, 30), (0.5, 40)]],
        [[], [(1.0, 20), (-2.0, 30)], [(0.5, 40)]],
    ],
    ids=len,
)
def test_the_gradient_is_that_of_the_sum_over_all_ranks(folders, student, tmp_path, of_ranks):
    """Ranks do different numbers of passes, one none at all."""
    expected = torch.zeros_like(student.lm_head.weight)
    with torch.no_grad():
        expected[ROW] = sum(f * states(student, token).sum(0) for losses in of_ranks for f, token in losses)
        totals = [sum(loss(student, *each).item() for each in losses) for losses in of_ranks]
    found = on_ranks(tmp_path, len(of_ranks), accumulated, folders[0], of_ranks)
    for (total, gradient), own in zip(found, totals, strict=True):
        assert total == pytest.approx(own)
        torch.testing.assert_close(gradient, expected)


def of_adapter(student: Path, of_ranks: list[list[tuple[float, int]]]) -> tuple[float, Tensor]:
    """The sum and the gradient of the adapter in the head, which alone is trained: nothing before it is."""
    model = models.load(student)
    lora.adapt(model, LoraSpec(rank=2, targets=("lm_head",)), seed=0)
    root = sharding.student(model, MemorySpec())

    def loss(factor: float, token: int) -> Tensor:
        return factor * support_logits(head_of(model), states(model, token), torch.full((2, 1), ROW)).sum()

    total = passes.accumulate(root, [partial(loss, *each) for each in of_ranks[ranks.rank()]])
    gradient = model.lm_head.lora_B["default"].weight.grad
    return total, gradient.full_tensor() if isinstance(gradient, DTensor) else gradient


def test_ranks_that_wait_for_others_may_have_nothing_to_train_before_the_head(folders, student, tmp_path):
    of_ranks = [[], [(1.0, 20), (-2.0, 30)]]
    model = models.load(folders[0])
    lora.adapt(model, LoraSpec(rank=2, alpha=32, targets=("lm_head",)), seed=0)
    down = model.lm_head.lora_A["default"].weight
    expected = torch.zeros(len(model.lm_head.weight), 2)
    with torch.no_grad():
        expected[ROW] = sum(16 * f * states(student, token).sum(0) @ down.T for f, token in of_ranks[1])
    for _, gradient in on_ranks(tmp_path, 2, of_adapter, folders[0], of_ranks):
        torch.testing.assert_close(gradient, expected)


def test_passes_add_to_the_gradient_that_is_there(folders, student):
    model = models.load(folders[0])
    root = sharding.student(model, MemorySpec())
    for factor in (1.0, 2.0):
        passes.accumulate(root, [partial(loss, model, factor, 20)])
    torch.testing.assert_close(model.lm_head.weight.grad[ROW], 3 * states(student, 20).sum(0).detach())
