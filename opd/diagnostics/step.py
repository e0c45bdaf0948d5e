"""The diagnostics of one step, computed before the update from what was sampled and scored.

Names and meanings: `opd.diagnostics.metrics`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from opd.batch import TokenBatch
from opd.diagnostics.trigrams import count_repeated
from opd.scoring.compare import Comparison

POSITION_RANGES = 8
_PAIRED = 1024  # positions whose ids are compared at a time


@dataclass(frozen=True)
class Observed:
    """What the diagnostics read of a comparison: (N,) numbers of N positions.

    A position is a row of a few numbers here, where a comparison has hundreds: small enough to be collected
    from the processes that share a step.
    """

    student_log_prob: Tensor
    teacher_log_prob: Tensor
    student_mass: Tensor
    teacher_mass: Tensor
    overlap: Tensor
    entropy: Tensor


def observe(comparison: Comparison) -> Observed:
    """Its numbers, position by position."""
    student, teacher = comparison.student, comparison.teacher
    return Observed(
        student_log_prob=student.sampled_log_prob,
        teacher_log_prob=teacher.sampled_log_prob,
        student_mass=mass(comparison.student_on_teacher_top),
        teacher_mass=mass(teacher.top_log_probs),
        overlap=overlap(student.top_ids, teacher.top_ids),
        entropy=student.entropy,
    )


def diagnose(batch: TokenBatch, finished: Tensor, observed: Observed, cap: int) -> dict:
    """Metrics of a rollout batch as both models saw it before the update.

    `finished` (B,) is true where the end token came before the cap of `cap` tokens.
    """
    gap = observed.teacher_log_prob - observed.student_log_prob
    return {
        "response_length": float(batch.lengths.float().mean()),
        "cap_share": float((~finished).float().mean()),
        "gap": float(gap.mean()),
        "gap_by_position": gap_by_position(gap, batch.offset, cap),
        "positive_reward_share": float((gap > 0).float().mean()),
        "student_mass": float(observed.student_mass.mean()),
        "teacher_mass": float(observed.teacher_mass.mean()),
        "overlap": float(observed.overlap.mean()),
        "entropy": float(observed.entropy.mean()),
        "repeated_trigrams": repeated_trigrams(batch),
    }


def gap_by_position(gap: Tensor, offset: Tensor, cap: int) -> list[float | None]:
    """Mean gap (N,) in POSITION_RANGES equal ranges of 0..cap, by `offset` (N,) in the response."""
    index = offset * POSITION_RANGES // cap
    totals = gap.new_zeros(POSITION_RANGES).index_add(0, index, gap)
    counts = torch.bincount(index, minlength=POSITION_RANGES)
    return [float(t / n) if n else None for t, n in zip(totals, counts, strict=True)]


def mass(log_probs: Tensor) -> Tensor:
    """(N,) the probability in (N, K) log-probabilities of distinct tokens."""
    return log_probs.exp().sum(-1)


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """(N,) |A and B| / K for two (N, K) tensors of distinct ids.

    Some positions at a time: all pairs of all positions would take more than the scores themselves.
    """
    parts = zip(first.split(_PAIRED), second.split(_PAIRED), strict=True)
    shared = [(a[:, :, None] == b[:, None, :]).any(-1).float().mean(-1) for a, b in parts]
    return torch.cat(shared)


def repeated_trigrams(batch: TokenBatch) -> float:
    """Share of generated tokens that complete a 3-gram already seen in the same response."""
    responses = zip(batch.tokens, batch.generated, strict=True)
    repeated = sum(count_repeated(tokens[generated].tolist()) for tokens, generated in responses)
    return repeated / max(1, int(batch.lengths.sum()))
