"""Supervised training on given responses."""

from torch import Tensor
from transformers import PreTrainedModel

from opd.batch import TokenBatch
from opd.scoring import log_probs


def cross_entropy(model: PreTrainedModel, batch: TokenBatch) -> Tensor:
    """Mean over the batch's response tokens of -log p(token), in nats."""
    chosen = log_probs(model, batch).gather(-1, batch.sampled[:, None])
    return -chosen.mean()
