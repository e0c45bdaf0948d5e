"""Supports: which tokens teacher and student are compared on, position by position.

A support is a (N, S) tensor of token ids with `EMPTY` in unused slots; the other ids of a row are
distinct. Log-probabilities on it are -inf in empty slots.
"""

import math

import torch
from torch import Tensor

from opd.names import SUPPORTS

EMPTY = -1


def top_k(log_probs: Tensor, k: int) -> Tensor:
    """(N, k) ids of the k largest entries of (N, V), largest first; ties go to the smaller id.

    `torch.topk` alone leaves the choice among equal entries to the device, and bfloat16 logits tie often.
    """
    values, ids = log_probs.topk(k, -1)
    tied = (values[:, 1:] == values[:, :-1]).any(-1) | ((log_probs == values[:, -1:]).sum(-1) > 1)
    if tied.any():
        ids[tied] = log_probs[tied].sort(dim=-1, descending=True, stable=True).indices[:, :k]
    return ids


def nucleus(ids: Tensor, log_probs: Tensor, mass: float) -> Tensor:
    """(N, K) ids of the smallest set of most probable tokens whose probability reaches `mass`, rest EMPTY.

    All K where they do not reach it. `ids` and `log_probs` (N, K) are the K most probable, largest first.
    Applied to the teacher it is the adaptive support that arXiv 2603.25562 leaves to future work.
    """
    probabilities = log_probs.double().exp()
    before = probabilities.cumsum(-1) - probabilities
    # A mass that was meant to be reached exactly may miss it by a rounding.
    outside = before >= mass - 1e-6
    outside[:, :1] = False
    return ids.masked_fill(outside, EMPTY)


def intersection(first: Tensor, second: Tensor) -> Tensor:
    """(N, S) tokens of `first` that `second` also holds, in the order of `first`; may be empty."""
    shared = (first[:, :, None] == second[:, None, :]).any(-1)
    return first.masked_fill(~shared, EMPTY)


def union(first: Tensor, second: Tensor) -> Tensor:
    """(N, S1 + S2) tokens of either, those of `first` in front."""
    repeated = (second[:, :, None] == first[:, None, :]).any(-1)
    return torch.cat([first, second.masked_fill(repeated, EMPTY)], -1)


def with_sampled(support: Tensor, sampled: Tensor) -> Tensor:
    """(N, S + 1) the support and the sampled token (N,), which is not repeated if already there."""
    return union(support, sampled[:, None])


def contains(support: Tensor, sampled: Tensor) -> Tensor:
    """(N,) bool, whether each position's sampled token is in its support."""
    return (support == sampled[:, None]).any(-1)


def gather(values: Tensor, support: Tensor) -> Tensor:
    """(N, S) values (N, V) of the support's tokens, -inf in empty slots."""
    return mask_empty(values.gather(-1, support.clamp(min=0)), support)


def mask_empty(values: Tensor, support: Tensor) -> Tensor:
    """(N, S) values with -inf in the support's empty slots."""
    return values.masked_fill(support == EMPTY, -math.inf)


def renormalise(log_probs: Tensor) -> Tensor:
    """(N, S) log-probabilities (or logits) rescaled to sum to one on the support; empty rows stay -inf."""
    empty = (log_probs == -math.inf).all(-1, keepdim=True)
    # A row of -inf would be nan, forward and backward.
    return log_probs.masked_fill(empty, 0.0).log_softmax(-1).masked_fill(empty, -math.inf)


def with_tail(log_probs: Tensor) -> Tensor:
    """(N, S + 1) log-probabilities with the mass outside the support as one more outcome.

    A divergence on it is that of a partition of the vocabulary into S + 1 parts: mass cannot leave
    unseen, but nothing is said about the tokens inside the tail. Without any token in the support the
    tail has probability 1. A tail below 1e-7, which float32 hardly tells from none, counts as 1e-7 and has no
    gradient; the tail of a very sharp teacher is that small everywhere.
    """
    empty = (log_probs == -math.inf).all(-1, keepdim=True)
    # A row of -inf would have the gradient nan; a support with all the mass, a tail of log 0.
    log_mass = log_probs.masked_fill(empty, -1e4).logsumexp(-1, keepdim=True).clamp(max=-1e-7)
    return torch.cat([log_probs, (-log_mass.expm1()).log()], -1)


def build(
    name: str,
    student_top: Tensor,
    teacher_top: Tensor,
    teacher_log_probs: Tensor,
    sampled: Tensor,
    mass: float,
) -> Tensor:
    """The support called `name` (see SUPPORTS) from both models' top K tokens and the sampled ones.

    `student_top`, `teacher_top` (N, K) ids, `teacher_log_probs` (N, K) of the latter, largest first,
    `sampled` (N,), `mass` of the nucleus.
    """
    match name:
        case "teacher_top_k":
            return teacher_top
        case "student_top_k":
            return student_top
        case "intersection":
            return intersection(teacher_top, student_top)
        case "union":
            return union(teacher_top, student_top)
        case "teacher_top_k_and_sampled":
            return with_sampled(teacher_top, sampled)
        case "student_top_k_and_sampled":
            return with_sampled(student_top, sampled)
        case "teacher_nucleus":
            return nucleus(teacher_top, teacher_log_probs, mass)
    raise ValueError(f"unknown support {name!r}; known: {', '.join(SUPPORTS)}")
