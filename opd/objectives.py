"""Distillation objectives: pure functions from log-probabilities to a loss per position.

Throughout, p is the student and q the teacher, at N positions, in nats. Which positions count, and
how they are averaged, is the caller's business (`opd.reduction`); teacher values carry no gradient.

A function asks for what it needs by the names of its arguments:

    log_p, log_q            (N, S) log-probabilities on the support, -inf where a slot is empty
    sampled_log_p           (N,) of the token y that was sampled, under the student now
    sampled_log_p_old       (N,) under the student that sampled it
    sampled_log_q           (N,) under the teacher
    sampled_outside         (N,) bool, y is not in the support
    teacher_entropy         (N,) entropy of q over the vocabulary
    advantage               (N,) what sampling y was worth, from `opd.advantages`; where `importance_cap` is
                            set, times the token's truncated importance weight

and names its options by keyword-only arguments, which are what a config may set; their types hold the
range that `opd.spec` checks, so functions need not. A loss of the advantage is homogeneous of degree one in
it for factors above 0, so that `importance_cap` weighs the loss. A new objective is one function here under
`@objective`. This module uses tensor methods only and imports torch for types alone, so the workflow
can read the registry without loading it.

On one token, renormalised, every divergence is identically zero. At an empty support a position's
loss and gradient are zero, but for what an estimate of the tail (`ema_pg`) adds. An empty slot
contributes nothing; a token in two slots counts twice, so supports never repeat one. Where p > 0 and
q = 0, reverse divergences are +inf; where q > 0 and p = 0, forward ones are.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NamedTuple, get_type_hints

if TYPE_CHECKING:
    from torch import Tensor


class Range(NamedTuple):
    """The numbers that an option may be, as a test and in words."""

    holds: Callable[[float], bool]
    words: str


NotNegative = Annotated[float, Range(lambda x: x >= 0, "from 0")]
Share = Annotated[float, Range(lambda x: 0 <= x <= 1, "from 0 to 1")]
ShareBelowOne = Annotated[float, Range(lambda x: 0 <= x < 1, "from 0 to below 1")]
TrueShare = Annotated[float, Range(lambda x: 0 < x < 1, "above 0 and below 1")]
# Below, it would cap the loss of every negative advantage, even where p is still p_old: no gradient.
DualClip = Annotated[float, Range(lambda x: x > 1, "above 1")]


class Objective(NamedTuple):
    """A registered objective: its function, the tensors it asks for, its options with defaults and ranges."""

    function: Callable[..., Tensor]
    inputs: frozenset[str]
    options: dict[str, float]
    ranges: dict[str, Range]

    @property
    def on_support(self) -> bool:
        """Whether it compares distributions on a support (else: the sampled token alone)."""
        return "log_p" in self.inputs


OBJECTIVES: dict[str, Objective] = {}
INPUTS = frozenset(
    {
        "log_p",
        "log_q",
        "sampled_log_p",
        "sampled_log_p_old",
        "sampled_log_q",
        "sampled_outside",
        "teacher_entropy",
        "advantage",
    }
)


def objective(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Register an objective under its own name.

    ValueError if the name is taken, if it asks for a tensor that nobody makes, or has an option without a
    range or a default.
    """
    if function.__name__ in OBJECTIVES:
        raise ValueError(f"{function.__name__} is an objective already; choose another name")
    parameters = inspect.signature(function).parameters.values()
    inputs = frozenset(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)
    if unknown := inputs - INPUTS:
        raise ValueError(
            f"the objective {function.__name__} asks for {', '.join(sorted(unknown))}; known: "
            f"{', '.join(sorted(INPUTS))} (docs/adding_a_method.md says how to make another); options of a "
            f"config stand after `*`"
        )
    options = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    # Tensors are there for type checkers alone.
    types = get_type_hints(function, localns={"Tensor": object}, include_extras=True)
    unclear = [
        name
        for name, default in options.items()
        if default is inspect.Parameter.empty or not hasattr(types.get(name), "__metadata__")
    ]
    if unclear:
        raise ValueError(
            f"the objective {function.__name__} needs a type with a range and a default for "
            f"{', '.join(unclear)}, as in `skew: ShareBelowOne = 0.1`"
        )
    ranges = {name: types[name].__metadata__[0] for name in options}
    OBJECTIVES[function.__name__] = Objective(function, inputs, options, ranges)
    return function


# Divergences on a support.


@objective
def reverse_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Reverse KL, student p to teacher q, summed over the support: sum_S p (log p - log q).

    With S the vocabulary this is KL(p || q) (arXiv 2603.25562, section 2.1). On a smaller support its
    gradient holds d(mass of p on S), which pushes mass out of S: the optimum keeps only q(S)/e there
    (arXiv 2605.11182, equations 6 to 9). Renormalised it is local support matching (2603.25562,
    equations 6 to 8); with one token that is identically zero.
    """
    return _expectation(log_p, log_p - log_q)


@objective
def stop_gradient_reverse_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Reverse KL, student p to teacher q, summed over the support, its own log held constant.

    sum_S p (sg[log p] - log q): the value of `reverse_kl` without the term of its gradient that pushes
    mass out of S (arXiv 2605.11182, equation 12); its optimum is p = q on S. On the vocabulary, and
    renormalised, the gradient is that of `reverse_kl`.
    """
    return _expectation(log_p, log_p.detach() - log_q)


@objective
def generalised_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Generalised reverse KL, student p to teacher q, of unnormalised masses, summed over S.

    sum_S p (log p - log q) - p + q (arXiv 2606.30406, equation 5). Never negative, zero only at p = q
    on S, with the gradient of `stop_gradient_reverse_kl`; on the vocabulary it is KL(p || q).
    """
    return _expectation(log_p, log_p - log_q) - log_p.exp().sum(-1) + log_q.exp().sum(-1)


@objective
def forward_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Forward KL, teacher q to student p, summed over the support: sum_S q (log q - log p).

    Un-normalised on the teacher's top K it is what verl calls forward_kl_topk; its gradient to the logit
    of token j, p_j q(S) - q_j on S and p_j q(S) outside, vanishes where p is q rescaled to S.
    Renormalised, one token gives zero.
    """
    return _expectation(log_q, log_q - log_p)


@objective
def jensen_shannon(log_p: Tensor, log_q: Tensor, *, beta: TrueShare = 0.5) -> Tensor:
    """Generalised Jensen-Shannon divergence between student p and teacher q, summed over S.

    beta KL(p || m) + (1 - beta) KL(q || m) with m = beta p + (1 - beta) q, for 0 < beta < 1
    (arXiv 2605.11182, appendix A.3; GKD's beta weighs the teacher instead).
    """
    log_m = _mixture(log_p, log_q, beta)
    to_mixture = beta * _expectation(log_p, log_p - log_m)
    return to_mixture + (1 - beta) * _expectation(log_q, log_q - log_m)


@objective
def skew_reverse_kl(log_p: Tensor, log_q: Tensor, *, skew: ShareBelowOne = 0.1) -> Tensor:
    """Skewed reverse KL, student p to a mixture with teacher q: KL(p || skew p + (1 - skew) q), over S.

    DistiLLM (arXiv 2402.03898). `skew` is the student's share; finite where q = 0; 0 is `reverse_kl`.
    """
    return _expectation(log_p, log_p - _mixture(log_p, log_q, skew))


@objective
def skew_forward_kl(log_p: Tensor, log_q: Tensor, *, skew: ShareBelowOne = 0.1) -> Tensor:
    """Skewed forward KL, teacher q to a mixture with student p: KL(q || skew q + (1 - skew) p), over S.

    DistiLLM (arXiv 2402.03898). Finite where p = 0; skew 0 is `forward_kl`.
    """
    return _expectation(log_q, log_q - _mixture(log_q, log_p, skew))


@objective
def entropy_switched_kl(
    log_p: Tensor, log_q: Tensor, teacher_entropy: Tensor, *, threshold: NotNegative = 1.0
) -> Tensor:
    """Reverse KL, student p to teacher q, plus forward KL where the teacher is uncertain, over S.

    The forward term counts at positions whose teacher entropy exceeds `threshold` nats (EOPD, arXiv
    2603.07079).
    """
    uncertain = (teacher_entropy > threshold).to(log_p.dtype)
    return reverse_kl(log_p, log_q) + uncertain * forward_kl(log_p, log_q)


@objective
def ema_pg(
    log_p: Tensor,
    log_q: Tensor,
    sampled_log_p: Tensor,
    sampled_log_p_old: Tensor,
    sampled_log_q: Tensor,
    sampled_outside: Tensor,
    *,
    importance_clip: NotNegative = 0.0,
) -> Tensor:
    """Reverse KL, student p to teacher q: summed over the support, estimated from y outside it.

    sum_S p (log p - log q) + s 1[y not in S] r sg[log p(y) - log q(y)] with r = p(y) / sg[p(y)], as the
    code of arXiv 2603.25562 writes EMA-PG (2602.04417). The value is unbiased for KL(p || q) if y is
    drawn from the whole of p; the gradient is that of KL(p || q) *plus d(mass of p on S)*, as the sum
    differentiates its own log and the tail does not. `ema_pg_unbiased` mends that. Nucleus rollouts
    never reach the tail's tokens and bias both. `importance_clip` above 0 sets s to
    min(p(y) / p_old(y), importance_clip), held constant; 0 leaves s = 1. At an empty support all of it
    is estimated.
    """
    tail = _sampled_tail(sampled_log_p, sampled_log_p_old, sampled_log_q, importance_clip)
    return reverse_kl(log_p, log_q) + tail.where(sampled_outside, 0.0)


@objective
def ema_pg_unbiased(
    log_p: Tensor,
    log_q: Tensor,
    sampled_log_p: Tensor,
    sampled_log_p_old: Tensor,
    sampled_log_q: Tensor,
    sampled_outside: Tensor,
    *,
    importance_clip: NotNegative = 0.0,
) -> Tensor:
    """Reverse KL, student p to teacher q, as `ema_pg` with the support's own log held constant.

    Then neither part differentiates its log, and with y drawn from the whole of p the expected gradient
    is exactly that of KL(p || q), whatever the support.
    """
    tail = _sampled_tail(sampled_log_p, sampled_log_p_old, sampled_log_q, importance_clip)
    return stop_gradient_reverse_kl(log_p, log_q) + tail.where(sampled_outside, 0.0)


def _sampled_tail(
    sampled_log_p: Tensor, sampled_log_p_old: Tensor, sampled_log_q: Tensor, importance_clip: float
) -> Tensor:
    now = sampled_log_p.detach()
    ratio = (sampled_log_p - now).exp()
    if importance_clip > 0:
        ratio = ratio * (now - sampled_log_p_old).exp().clamp(max=importance_clip)
    return ratio * (now - sampled_log_q)


# Estimators from the sampled token.


@objective
def policy_gradient(
    sampled_log_p: Tensor,
    sampled_log_p_old: Tensor,
    advantage: Tensor,
    *,
    clip_low: Share = 0.2,
    clip_high: NotNegative = 0.2,
    dual_clip: DualClip = 3.0,
) -> Tensor:
    """Reverse KL, student p to teacher q, as a PPO-clipped policy gradient on the sampled token.

    With the plain advantage log q - log p_old (`opd.advantages`) and p = p_old, the expected gradient
    over p is that of the full reverse KL at each position. Clipping, with the dual clip for negative
    advantages, is as in the code of arXiv 2603.25562 (verl's `compute_policy_loss`: 0.2, 0.2, 3.0).
    """
    ratio = (sampled_log_p - sampled_log_p_old).exp()
    clipped = ratio.clamp(1 - clip_low, 1 + clip_high)
    loss = (-advantage * ratio).maximum(-advantage * clipped)
    bounded = loss.minimum(-advantage * dual_clip)
    return bounded.where(advantage < 0, loss)


@objective
def k2(sampled_log_p: Tensor, sampled_log_q: Tensor) -> Tensor:
    """Half the squared log-ratio of student p to teacher q at the sampled token.

    Its gradient (log p - log q) d(log p) is unbiased for that of the full *reverse* KL if y is drawn
    from p; its value is not an estimate of the divergence.
    """
    return 0.5 * (sampled_log_p - sampled_log_q) ** 2


@objective
def k3(sampled_log_p: Tensor, sampled_log_q: Tensor) -> Tensor:
    """Non-negative estimate q/p - 1 + log p - log q of the reverse KL, student p to teacher q.

    The value is unbiased for KL(p || q) if y is drawn from p, but as a loss its gradient
    (1 - q/p) d(log p) is in expectation that of the *forward* KL(q || p).
    """
    log_ratio = sampled_log_q - sampled_log_p
    return log_ratio.exp() - 1 - log_ratio


def _expectation(log_weight: Tensor, value: Tensor) -> Tensor:
    """sum over the last axis of exp(log_weight) x value, where weight 0 contributes 0, not nan."""
    return (log_weight.exp() * value.masked_fill(log_weight == -math.inf, 0.0)).sum(-1)


def _mixture(log_a: Tensor, log_b: Tensor, share: float) -> Tensor:
    """log(share a + (1 - share) b), elementwise; a finite gradient where both are zero."""
    if share in (0, 1):
        return log_a if share else log_b
    neither = (log_a == -math.inf) & (log_b == -math.inf)
    log_a, log_b = log_a.masked_fill(neither, 0.0), log_b.masked_fill(neither, 0.0)
    mixed = (log_a + math.log(share)).logaddexp(log_b + math.log(1 - share))
    return mixed.masked_fill(neither, -math.inf)
