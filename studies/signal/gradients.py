"""How much of the policy gradient comes from tokens that the teacher likes better than the student does."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from transformers import PreTrainedModel

from opd.batch import TokenBatch
from opd.lm_head import head_of, recomputed
from opd.loss import position_losses
from opd.scoring import Comparison, hidden_states, select
from opd.spec import ObjectiveSpec

_POLICY_GRADIENT = ObjectiveSpec(name="policy_gradient", support="sampled", reduction="token_mean")


@torch.no_grad()
def score_norms(student: PreTrainedModel, batch: TokenBatch, tokens_per_forward: int) -> Tensor:
    """(N,) norm of the gradient of log p(y) with respect to the logits, ||1_y - p||.

    From ||1_y - p||^2 = 1 - 2 p_y + sum_v p_v^2, the sum over the whole vocabulary.
    """
    parts = []
    for part in batch.split(tokens_per_forward):
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
    parts = {
        name: _gradient(student, teacher, batch, comparison, reward, mask, tokens_per_forward)
        for name, mask in chosen.items()
    }
    chosen["all"] = torch.ones_like(reward, dtype=torch.bool)
    parts["all"] = parts["positive"] + parts["negative"]
    whole = float(np.linalg.norm(parts["all"]))
    rows = []
    for name, gradient in parts.items():
        norm, along = float(np.linalg.norm(gradient)), float(gradient @ parts["all"])
        cosine = along / (norm * whole) if norm * whole else float("nan")
        rows.append((name, int(chosen[name].sum()), norm, cosine, norm * cosine / whole if whole else cosine))
    return pd.DataFrame(rows, columns=["part", "tokens", "norm", "cosine", "share"])


def _gradient(
    student: PreTrainedModel,
    teacher: PreTrainedModel,
    batch: TokenBatch,
    comparison: Comparison,
    reward: Tensor,
    chosen: Tensor,
    tokens_per_forward: int,
) -> np.ndarray:
    """(P,) float64 gradient of the mean loss over N positions, of which only the chosen (N,) count."""
    student.zero_grad(set_to_none=True)
    start = 0
    for part in batch.split(tokens_per_forward):
        here = slice(start, start + len(part.sampled))
        start, counted = here.stop, chosen[here]
        if not counted.any():
            continue
        losses, _ = position_losses(
            _POLICY_GRADIENT,
            student,
            head_of(teacher),
            part,
            select(comparison, here),
            reward[here],
            counted,
        )
        (losses.sum() / len(reward)).backward()
    gradients = [
        torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in student.parameters()
    ]
    student.zero_grad(set_to_none=True)
    return torch.cat([gradient.double().flatten() for gradient in gradients]).cpu().numpy()
