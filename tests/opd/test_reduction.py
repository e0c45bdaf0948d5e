"""How much each position counts."""

import pytest
import torch

from opd.reduction import position_weights


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("token_mean", (1 + 3 + 10 + 0.5 * 20) / 3.5),
        ("sequence_mean", ((1 + 3) / 2 + (10 + 0.5 * 20) / 1.5) / 2),
    ],
)
def test_position_weights_by_hand(reduction, expected):
    loss = torch.tensor([1.0, 2.0, 3.0, 10.0, 20.0, 7.0])
    mask = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.5, 0.0])
    weights = position_weights(mask, torch.tensor([0, 0, 0, 1, 1, 2]), reduction)
    assert weights.sum().item() == pytest.approx(1)
    assert (weights * loss).sum().item() == pytest.approx(expected)


@pytest.mark.parametrize("reduction", ["token_mean", "sequence_mean"])
def test_position_weights_of_nothing_are_zero(reduction):
    empty = torch.zeros(0)
    assert position_weights(empty, torch.zeros(0, dtype=torch.long), reduction).sum() == 0
    assert position_weights(torch.zeros(3), torch.zeros(3, dtype=torch.long), reduction).tolist() == [0, 0, 0]


def test_another_reduction_is_named():
    with pytest.raises(ValueError, match="unknown reduction 'token_sum'"):
        position_weights(torch.ones(3), torch.zeros(3, dtype=torch.long), "token_sum")
