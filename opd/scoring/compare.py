"""What student and teacher think of sampled tokens, before the update.

Both models read the same responses, a few at a time, the teacher perhaps after prompts of its own; of the
vocabulary only the top K, the support and the normaliser are kept.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedModel

from opd import support as supports
from opd.batch import TokenBatch
from opd.lm_head import Head, head_of, statistics, support_logits

Columns = TypeVar("Columns")


@dataclass(frozen=True)
class Scores:
    """A model's view of the N generated positions of a batch, in nats and float32.

    `top_ids`, `top_log_probs`: (N, K), its K most probable tokens, most probable first, ties to the
    smaller id; `log_normaliser`: (N,), log-sum-exp of the logits; `sampled_log_prob`: (N,), of the
    token that was generated; `entropy`: (N,).
    """

    top_ids: Tensor
    top_log_probs: Tensor
    log_normaliser: Tensor
    sampled_log_prob: Tensor
    entropy: Tensor


@dataclass(frozen=True)
class Comparison:
    """Student and teacher at the same N positions.

    `student_on_teacher_top`: (N, K) student log-probabilities of the teacher's top K; `support`: (N, S)
    ids on which an objective compares them, and `support_log_q` the teacher's log-probabilities there.
    For objectives on the whole vocabulary `teacher_states` (N, d) is kept instead. `expected_log_ratio`
    (N,) if asked for: sum_V p (log q - log p). `marker_log_q` (N, M): the teacher's log-probabilities of
    the M marker tokens that were asked for.
    """

    student: Scores
    teacher: Scores
    student_on_teacher_top: Tensor
    support: Tensor | None = None
    support_log_q: Tensor | None = None
    teacher_states: Tensor | None = None
    expected_log_ratio: Tensor | None = None
    marker_log_q: Tensor | None = None


def hidden_states(model: PreTrainedModel, batch: TokenBatch) -> Tensor:
    """(N, d) final hidden states that predict the generated tokens.

    In a packed row no attention mask is given: transformers then takes every fall of the positions for the
    start of a sequence, and lets none see another. Flash attention computes on each alone; `sdpa` computes
    a mask (T, T) for all T tokens of the row, which costs more than padding unless that is most of it.
    """
    if batch.packed:
        real = batch.attention
        states = model.base_model(
            input_ids=batch.tokens[real][None], position_ids=batch.positions[real][None], use_cache=False
        ).last_hidden_state
        return states[0][batch.predictors[real]]
    states = model.base_model(
        input_ids=batch.tokens,
        attention_mask=batch.attention,
        position_ids=batch.positions,
        use_cache=False,
    ).last_hidden_state
    return states[batch.predictors]


@torch.no_grad()
def score(head: Head, states: Tensor, sampled: Tensor, top_k: int) -> Scores:
    """Scores of the positions with hidden states (N, d) and sampled tokens (N,)."""
    found = statistics(head, states, top_k)
    sampled_logit = support_logits(head, states, sampled[:, None])[:, 0]
    return Scores(
        top_ids=found.top_ids,
        top_log_probs=found.top_logits - found.log_normaliser[:, None],
        log_normaliser=found.log_normaliser,
        sampled_log_prob=sampled_logit - found.log_normaliser,
        entropy=found.entropy,
    )


@torch.no_grad()
def log_probs_on(head: Head, states: Tensor, scores: Scores, support: Tensor) -> Tensor:
    """(N, S) log-probabilities of arbitrary tokens, -inf in empty slots."""
    return support_logits(head, states, support) - scores.log_normaliser[:, None]


@torch.no_grad()
def compare(
    student: PreTrainedModel,
    teacher: PreTrainedModel,
    batch: TokenBatch,
    top_k: int,
    tokens_per_forward: int,
    support: str,
    *,
    nucleus_mass: float = 1.0,
    expected_log_ratio: bool = False,
    marker_ids: Sequence[int] = (),
    teacher_temperature: float = 1.0,
) -> Comparison:
    """Score a batch under both models, a few sequences at a time. `support`: see `opd.names`."""
    heads = head_of(student), head_of(teacher).at(teacher_temperature)

    def compared(part: TokenBatch) -> Comparison:
        states = hidden_states(student, part), hidden_states(teacher, part.as_the_teacher_reads)
        p, q = (score(h, s, part.sampled, top_k) for h, s in zip(heads, states, strict=True))
        columns: dict[str, Any] = {
            "student": p,
            "teacher": q,
            "student_on_teacher_top": log_probs_on(heads[0], states[0], p, q.top_ids),
        }
        if support == "vocabulary":
            columns["teacher_states"] = states[1]
        elif support != "sampled":
            ids = supports.build(support, p.top_ids, q.top_ids, q.top_log_probs, part.sampled, nucleus_mass)
            columns |= {"support": ids, "support_log_q": log_probs_on(heads[1], states[1], q, ids)}
        if expected_log_ratio:
            columns["expected_log_ratio"] = _expected_log_ratio(heads, states)
        if marker_ids:
            ids = torch.tensor(marker_ids, device=part.tokens.device).expand(len(part.sampled), -1)
            columns["marker_log_q"] = log_probs_on(heads[1], states[1], q, ids)
        return Comparison(**columns)

    return join(map(compared, batch.split(tokens_per_forward)), len(batch.sampled))


def _expected_log_ratio(heads: tuple[Head, Head], states: tuple[Tensor, Tensor]) -> Tensor:
    chunks = []
    for p_states, q_states in zip(*(s.split(256) for s in states), strict=True):
        log_p = heads[0].logits(p_states).log_softmax(-1)
        log_q = heads[1].logits(q_states).log_softmax(-1)
        chunks.append((log_p.exp() * (log_q - log_p)).sum(-1))
    return torch.cat(chunks)


def join(parts: Iterable[Columns], positions: int) -> Columns:
    """Concatenate records of per-position tensors, nested records included, of so many positions in all.

    Each is copied to its place as it comes, so that what is joined is held once.
    """
    whole, start = None, 0
    for part in parts:
        whole = whole or _room(part, positions)
        start = _put(part, whole, start)
    assert whole is not None
    return whole


def _room(value: Any, positions: int) -> Any:
    """As the value of a part, for all positions."""
    if value is None:
        return None
    if isinstance(value, Tensor):
        return value.new_empty(positions, *value.shape[1:])
    return type(value)(**{name: _room(each, positions) for name, each in vars(value).items()})


def _put(value: Any, whole: Any, start: int) -> int:
    """Copy the value of a part to its place; returns where the next one's is."""
    if isinstance(value, Tensor):
        end = start + len(value)
        whole[start:end] = value
        return end
    end = start
    for name, each in vars(value).items():
        if each is not None:
            end = _put(each, getattr(whole, name), start)
    return end


def select(record: Columns, positions: Tensor | slice) -> Columns:
    """The positions chosen by a (N,) mask or a slice, of a record of per-position tensors."""
    return type(record)(**{name: _select(value, positions) for name, value in vars(record).items()})


def _select(value: Any, positions: Tensor | slice) -> Any:
    if value is None:
        return None
    return value[positions] if isinstance(value, Tensor) else select(value, positions)
