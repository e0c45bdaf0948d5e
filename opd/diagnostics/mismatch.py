"""How far the rollout engine's probabilities of sampled tokens are from the trainer's own.

Both sides are log p(y) of the same weights at temperature 1 and over the whole vocabulary, whatever the
sampling settings: under those, top-p would enter the engine's side alone. What is left is rounding, of
other kernels and other batches, unless the engine's weights are stale or wrong.
"""

import torch
from torch import Tensor


def mismatch(rollout: Tensor, trainer: Tensor) -> dict[str, float]:
    """The differences of (N,) log-probabilities, in nats, by their names in `opd.diagnostics.metrics`."""
    difference = trainer - rollout
    return {
        "mismatch_mean": float(difference.abs().mean()),
        "mismatch_max": float(difference.abs().max()),
        "mismatch_ratio": float(difference.exp().mean()),
    }


def stop_if_too_large(found: dict[str, float], limit: float | None, dtype: torch.dtype) -> None:
    """FloatingPointError if the mean difference is above `limit` nats or no number.

    A limit of None is 0.01 for a model in float32 and 0.1 in 16 bits, which is several times what
    rounding alone gives.
    """
    if limit is None:
        limit = 0.01 if dtype == torch.float32 else 0.1
    if not found["mismatch_mean"] <= limit:
        raise FloatingPointError(
            f"the rollout engine's log-probabilities of its own tokens differ from the trainer's by "
            f"{found['mismatch_mean']:.3g} nats on average (at most {found['mismatch_max']:.3g}), and "
            f"engine.mismatch_limit is {limit}: its weights are stale or wrong"
        )
