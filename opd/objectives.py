"""Distillation objectives: pure functions from log-probabilities to a loss per position.

Throughout, p is the student and q the teacher. `log_p` carries the gradient, `log_q` does not.
Divergences take log-probabilities on a support of S tokens, shape (N, S), for N positions and
return (N,), in nats. Estimators take those of the sampled token, shape (N,). Which positions
count, and how they are averaged, is the caller's business (`position_weights`).

A new objective is one function here under `@divergence` or `@estimator`; its keyword-only arguments
are the options that a config may set. This module uses tensor methods only and imports torch
for types alone, so the workflow can read the registry without loading it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVES: dict[str, dict[str, float]] = {}
"""Options, with their defaults, of every objective."""

SAMPLED: set[str] = set()
"""The objectives that are estimated from the sampled token alone."""

_TINY = 1e-9

_FUNCTIONS: dict[str, Callable[..., Tensor]] = {}


def divergence(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Register an objective on a support: `f(log_p, log_q, **options)` with (N, S) inputs."""
    parameters = inspect.signature(function).parameters.values()
    options = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    OBJECTIVES[function.__name__] = options
    _FUNCTIONS[function.__name__] = function
    return function


def estimator(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Register an objective on the sampled token: `f(log_p, log_p_old, log_q, **options)`, (N,)."""
    SAMPLED.add(function.__name__)
    return divergence(function)


def objective(name: str) -> Callable[..., Tensor]:
    """The objective function of that name."""
    return _FUNCTIONS[name]


@divergence
def reverse_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Reverse KL, student p to teacher q, summed over the support: sum_S p (log p - log q).

    With S the vocabulary this is KL(p || q) (arXiv 2603.25562, section 2.1). On a smaller support
    without renormalisation its gradient holds d(mass of p on S), which pushes mass out of S: the
    optimum keeps only q(S)/e there (arXiv 2605.11182, equations 6 to 9). After `renormalise` it is
    local support matching (2603.25562, equations 6 to 8); with S = 1 that is identically zero.
    """
    return (log_p.exp() * (log_p - log_q)).sum(-1)


@divergence
def stop_gradient_reverse_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Reverse KL, student p to teacher q, with the student's own log-probability held constant.

    sum_S p (sg[log p] - log q), summed over the support: the value of `reverse_kl` without the
    term of its gradient that pushes mass out of S (arXiv 2605.11182, equation 12).
    """
    return (log_p.exp() * (log_p.detach() - log_q)).sum(-1)


@divergence
def jensen_shannon(log_p: Tensor, log_q: Tensor, *, beta: float = 0.5) -> Tensor:
    """Generalised Jensen-Shannon divergence between student p and teacher q, summed over S.

    beta KL(p || m) + (1 - beta) KL(q || m) with m = beta p + (1 - beta) q, for 0 < beta < 1
    (arXiv 2605.11182, appendix A.3; note that GKD's beta weighs the teacher instead).
    """
    if not 0 < beta < 1:
        raise ValueError(f"beta is {beta}; it must lie strictly between 0 and 1")
    log_m = (log_p + math.log(beta)).logaddexp(log_q + math.log(1 - beta))
    student_to_mixture = (log_p.exp() * (log_p - log_m)).sum(-1)
    teacher_to_mixture = (log_q.exp() * (log_q - log_m)).sum(-1)
    return beta * student_to_mixture + (1 - beta) * teacher_to_mixture


@estimator
def policy_gradient(
    log_p: Tensor,
    log_p_old: Tensor,
    log_q: Tensor,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    dual_clip: float = 3.0,
) -> Tensor:
    """Reverse KL, student p to teacher q, as a PPO-clipped policy gradient on the sampled token.

    The advantage is log q - log p_old, not normalised; p_old is the student that sampled. At p =
    p_old the expected gradient over p is that of the full reverse KL at each position. Clipping,
    with the dual clip for negative advantages, is as in the code of arXiv 2603.25562
    (`compute_opd_advantage` and verl's `compute_policy_loss`: 0.2, 0.2 and 3.0).
    """
    advantage = log_q - log_p_old
    ratio = (log_p - log_p_old).exp()
    clipped = ratio.clamp(1 - clip_low, 1 + clip_high)
    loss = (-advantage * ratio).maximum(-advantage * clipped)
    bounded = loss.minimum(-advantage * dual_clip)
    return bounded.where(advantage < 0, loss)


def renormalise(log_p: Tensor) -> Tensor:
    """Log-probabilities (N, S) rescaled to sum to one on the support."""
    return log_p.log_softmax(-1)


def position_weights(mask: Tensor, sequence: Tensor, reduction: str) -> Tensor:
    """(N,) weights, summing to 1, under which the sum of per-position losses is their mean.

    `mask` (N,) says how much a position counts (0: not at all), `sequence` (N,) to which sequence it
    belongs. `token_mean` averages over all positions (arXiv 2603.25562, equation 8); `sequence_mean`
    averages each sequence, then the sequences (what its code does, as it takes one sequence per
    micro-batch). Sequences that do not count at all are left out. All zero if nothing counts.

    The weights are computed once per minibatch, so that the sum of the losses of any micro-batches
    has the same gradient.
    """
    if reduction == "token_mean":
        return mask / mask.sum().clamp(min=_TINY)
    sequences = int(sequence.max()) + 1 if len(sequence) else 0
    masses = mask.new_zeros(sequences).index_add(0, sequence, mask)
    counted = (masses > 0).sum().clamp(min=1)
    return mask / (masses.clamp(min=_TINY)[sequence] * counted)
