"""How much of the policy gradient comes from tokens that the teacher likes better than the student does."""

import math

import pandas as pd
import torch
from torch import Tensor
from transformers import PreTrainedModel

from opd.batch import TokenBatch
from opd.lm_head import head_of, recomputed
from opd.loss import position_losses
from opd.scoring.compare import Comparison, hidden_states, select
from opd.spec import ObjectiveSpec
from opd.training import counted_parts
from programs.progress import progress

_POLICY_GRADIENT = ObjectiveSpec(name="policy_gradient", support="sampled", reduction="token_mean")


@torch.no_grad()
def score_norms(student: PreTrainedModel, batch: TokenBatch, tokens_per_forward: int) -> Tensor:
    """(N,) norm of the gradient of log p(y) with respect to the logits, ||1_y - p||.

    From ||1_y - p||^2 = 1 - 2 p_y + sum_v p_v^2, the sum over the whole vocabulary.
    """
    parts = []
    for part in progress(list(batch.split(tokens_per_forward)), "scores", unit="part"):
        states = hidden_states(student, part)
        parts.append(recomputed(_score_norm, head_of(student), states, part.sampled))
    return torch.cat(parts)


def _score_norm(log_p: Tensor, sampled: Tensor) -> Tensor:
    p = log_p.exp()
    here = torch.nn.functional.one_hot(sampled, p.shape[-1]).bool()
    # 1 - 2 p_y + sum p^2 loses all its digits where p_y is almost 1; this sum has no such cancellation.
    return torch.where(here, 1 - p, p).square().sum(-1).sqrt()


def parameter_gradient(
    student: PreTrainedModel,
    teacher: PreTrainedModel,
    batch: TokenBatch,
    comparison: Comparison,
    tokens_per_forward: int,
) -> pd.DataFrame:
    """The first update's gradient before clipping, from tokens with positive and negative reward, and all.

    Means over all tokens of the batch, so that the two parts add up to the whole. `norm` is over all
    parameters, `cosine` is to the whole, and `share` = norm x cosine / norm of the whole: the part's
    projection. Shares add up to 1, and one of them may be negative.
    """
    reward = comparison.teacher.sampled_log_prob - comparison.student.sampled_log_prob
    chosen = {"positive": reward > 0, "negative": reward < 0}
    positive, negative = (
        _gradient(student, teacher, batch, comparison, reward, mask, tokens_per_forward)
        for mask in chosen.values()
    )
    within, across = (_inner(part, part) for part in (positive, negative)), _inner(positive, negative)
    squares = dict(zip(chosen, within, strict=True))
    along = {name: square + across for name, square in squares.items()}  # inner product with the whole
    squares["all"] = along["all"] = sum(along.values())
    counts = {name: int(mask.sum()) for name, mask in chosen.items()} | {"all": len(reward)}
    rows = [_row(name, counts[name], squares[name], along[name], squares["all"]) for name in counts]
    return pd.DataFrame(rows, columns=["part", "tokens", "norm", "cosine", "share"])


def _row(name: str, tokens: int, square: float, along: float, whole: float) -> tuple:
    """A part's line, from |g|^2, its inner product with the whole, and the whole's |g|^2."""
    lengths = math.sqrt(square * whole)
    share = along / whole if whole else float("nan")
    return name, tokens, math.sqrt(square), along / lengths if lengths else float("nan"), share


def _inner(first: list[Tensor], second: list[Tensor]) -> float:
    """The inner product of two gradients, summed in float64 one parameter at a time."""
    return sum(float((a.double() * b.double()).sum()) for a, b in zip(first, second, strict=True))


def _gradient(
    student: PreTrainedModel,
    teacher: PreTrainedModel,
    batch: TokenBatch,
    comparison: Comparison,
    reward: Tensor,
    chosen: Tensor,
    tokens_per_forward: int,
) -> list[Tensor]:
    """The gradient of each parameter, of the mean loss over N positions where only the chosen (N,) count."""
    student.zero_grad(set_to_none=True)
    parts = list(counted_parts(batch, chosen, tokens_per_forward))
    for part, here, counted in progress(parts, "gradient", unit="part"):
        known = select(select(comparison, here), counted)
        losses, _ = position_losses(
            _POLICY_GRADIENT, student, head_of(teacher), part, counted, known, reward[here][counted]
        )
        (losses.sum() / len(reward)).backward()
    found = [
        torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in student.parameters()
    ]
    student.zero_grad(set_to_none=True)
    return found
