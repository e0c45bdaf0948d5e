"""Supervised training on given responses."""

from torch import Tensor
from transformers import PreTrainedModel

from opd.batch import TokenBatch
from opd.lm_head import head_of, recomputed
from opd.scoring.compare import hidden_states


def token_losses(model: PreTrainedModel, batch: TokenBatch) -> Tensor:
    """(N,) -log p(token) of the batch's response tokens, in nats."""

    def loss(log_p: Tensor, sampled: Tensor) -> Tensor:
        return -log_p.gather(-1, sampled[:, None])[:, 0]

    batch = batch.to(model.device)
    return recomputed(loss, head_of(model), hidden_states(model, batch), batch.sampled)


def cross_entropy(model: PreTrainedModel, batch: TokenBatch) -> Tensor:
    """The mean of `token_losses`."""
    return token_losses(model, batch).mean()
