"""The diagnostics of one step, computed before the update from what was sampled and scored.

Names and meanings: `opd.metrics`.
"""

import torch
from torch import Tensor

from opd.batch import TokenBatch
from opd.scoring import Comparison
from opd.trigrams import count_repeated

POSITION_RANGES = 8


def diagnose(batch: TokenBatch, finished: Tensor, comparison: Comparison, cap: int) -> dict:
    """Metrics of a rollout batch as both models saw it before the update.

    `finished` (B,) is true where the end token came before the cap of `cap` tokens.
    """
    student, teacher = comparison.student, comparison.teacher
    gap = teacher.sampled_log_prob - student.sampled_log_prob
    return {
        "response_length": float(batch.lengths.float().mean()),
        "cap_share": float((~finished).float().mean()),
        "gap": float(gap.mean()),
        "gap_by_position": gap_by_position(gap, batch.offset, cap),
        "positive_reward_share": float((gap > 0).float().mean()),
        "student_mass": mass(comparison.student_on_teacher_top),
        "teacher_mass": mass(teacher.top_log_probs),
        "overlap": overlap(student.top_ids, teacher.top_ids),
        "entropy": float(student.entropy.mean()),
        "repeated_trigrams": repeated_trigrams(batch),
    }


def gap_by_position(gap: Tensor, offset: Tensor, cap: int) -> list[float | None]:
    """Mean gap (N,) in POSITION_RANGES equal ranges of 0..cap, by `offset` (N,) in the response."""
    index = offset * POSITION_RANGES // cap
    totals = gap.new_zeros(POSITION_RANGES).index_add(0, index, gap)
    counts = torch.bincount(index, minlength=POSITION_RANGES)
    return [float(t / n) if n else None for t, n in zip(totals, counts, strict=True)]


def mass(log_probs: Tensor) -> float:
    """Mean over positions of the probability in (N, K) log-probabilities of distinct tokens."""
    return float(log_probs.exp().sum(-1).mean())


def overlap(first: Tensor, second: Tensor) -> float:
    """Mean over positions of |A and B| / K for two (N, K) tensors of distinct ids."""
    shared = (first[:, :, None] == second[:, None, :]).any(-1)
    return float(shared.float().mean())


def repeated_trigrams(batch: TokenBatch) -> float:
    """Share of generated tokens that complete a 3-gram already seen in the same response."""
    responses = zip(batch.tokens, batch.generated, strict=True)
    repeated = sum(count_repeated(tokens[generated].tolist()) for tokens, generated in responses)
    return repeated / max(1, int(batch.lengths.sum()))
