"""What a model thinks of given tokens: log-probabilities at every generated position.

The same function scores rollouts under the teacher and, before an update, under the student.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from opd.batch import TokenBatch


@dataclass(frozen=True)
class Scores:
    """A model's view of the N generated positions of a batch, in nats and float32.

    `top_ids`, `top_log_probs`: (N, K), its K most probable tokens, most probable first;
    `log_normaliser`: (N,), log-sum-exp of the logits; `sampled_log_prob`: (N,), of the token that
    was generated; `entropy`: (N,). If asked for: `log_probs_at` (N, K), of given tokens, and
    `log_probs` (N, V), of all.
    """

    top_ids: Tensor
    top_log_probs: Tensor
    log_normaliser: Tensor
    sampled_log_prob: Tensor
    entropy: Tensor
    log_probs_at: Tensor | None = None
    log_probs: Tensor | None = None

    def at(self, positions: Tensor | slice) -> "Scores":
        """The scores of the positions selected by a (N,) mask or a slice."""
        given = {name: column for name, column in vars(self).items() if column is not None}
        return Scores(**{name: column[positions] for name, column in given.items()})


def hidden_states(model: PreTrainedModel, batch: TokenBatch) -> Tensor:
    """(N, H) final hidden states that predict the generated tokens."""
    states = model.base_model(
        input_ids=batch.tokens,
        attention_mask=batch.attention,
        position_ids=batch.positions,
        use_cache=False,
    ).last_hidden_state
    return states[batch.predictors]


def log_probs(model: PreTrainedModel, batch: TokenBatch) -> Tensor:
    """(N, V) log-probabilities at the generated positions, in float32, with gradient."""
    logits = model.get_output_embeddings()(hidden_states(model, batch))
    return logits.float().log_softmax(-1)


@torch.no_grad()
def score(
    model: PreTrainedModel,
    batch: TokenBatch,
    top_k: int,
    tokens_per_forward: int,
    at: Tensor | None = None,
    keep_vocabulary: bool = False,
) -> Scores:
    """Score the generated tokens of a batch, without gradient, a few sequences at a time.

    `at` (N, K) asks for the log-probabilities of those tokens, `keep_vocabulary` for all of them.
    """
    head = model.get_output_embeddings()
    chunks, start = [], 0
    for part in batch.split(tokens_per_forward):
        logits = head(hidden_states(model, part)).float()
        wanted = None if at is None else at[start : start + len(logits)]
        chunks.append(_score_logits(logits, part.sampled, top_k, wanted, keep_vocabulary))
        start += len(logits)
    return Scores(**{name: torch.cat([chunk[name] for chunk in chunks]) for name in chunks[0]})


def _score_logits(
    logits: Tensor, sampled: Tensor, top_k: int, at: Tensor | None, keep_vocabulary: bool
) -> dict[str, Tensor]:
    """The fields of `Scores` from (n, V) logits."""
    log_normaliser = logits.logsumexp(-1)
    log_p = logits - log_normaliser[:, None]
    top = log_p.topk(top_k, -1)
    fields = {
        "top_ids": top.indices,
        "top_log_probs": top.values,
        "log_normaliser": log_normaliser,
        "sampled_log_prob": log_p.gather(-1, sampled[:, None])[:, 0],
        "entropy": -(log_p.exp() * log_p).sum(-1),
    }
    if at is not None:
        fields["log_probs_at"] = log_p.gather(-1, at)
    if keep_vocabulary:
        fields["log_probs"] = log_p
    return fields
