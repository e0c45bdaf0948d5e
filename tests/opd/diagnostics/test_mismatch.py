"""Mismatch against numbers by hand."""

import math

import pytest
import torch

from opd.diagnostics.mismatch import mismatch, stop_if_too_large


def test_differences_by_hand():
    rollout = torch.tensor([-1.0, -2.0, -0.5]).double()
    trainer = rollout + torch.tensor([math.log(2), 0.0, -math.log(4)]).double()
    found = mismatch(rollout, trainer)
    assert found["mismatch_mean"] == pytest.approx(math.log(8) / 3)
    assert found["mismatch_max"] == pytest.approx(math.log(4))
    assert found["mismatch_ratio"] == pytest.approx((2 + 1 + 0.25) / 3)


@pytest.mark.parametrize(
    ("limit", "dtype", "stops"),
    [(None, torch.float32, 0.011), (None, torch.bfloat16, 0.11), (0.5, torch.float32, 0.51)],
)
def test_a_large_difference_stops(limit, dtype, stops):
    sampled = torch.full((4,), -1.0)
    stop_if_too_large(mismatch(sampled, sampled + 0.8 * stops), limit, dtype)
    with pytest.raises(FloatingPointError, match=r"its weights are stale or wrong"):
        stop_if_too_large(mismatch(sampled, sampled - stops), limit, dtype)
    with pytest.raises(FloatingPointError, match=r"differ from the trainer's by nan nats"):
        stop_if_too_large(mismatch(sampled, sampled * torch.nan), limit, dtype)
