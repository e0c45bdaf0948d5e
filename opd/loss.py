"""From sampled tokens and their scores to a loss per position, with gradient to the student.

A renormalised objective evaluates the student's head on the support alone. Every other objective needs
the normaliser, and evaluates the head in recomputed chunks. Neither holds a (N, V) tensor.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from transformers import PreTrainedModel

from opd import support as supports
from opd.batch import TokenBatch
from opd.lm_head import Head, head_of, recomputed, support_logits
from opd.objectives import OBJECTIVES
from opd.scoring.compare import Comparison, hidden_states
from opd.spec import ObjectiveSpec, needs_support_only


def position_losses(
    spec: ObjectiveSpec,
    student: PreTrainedModel,
    teacher_head: Head,
    batch: TokenBatch,
    counted: Tensor,
    comparison: Comparison,
    advantage: Tensor,
) -> tuple[Tensor, Tensor | None]:
    """(M,) losses of the counted positions, and the student's log p of their sampled tokens now.

    `counted` (N,) bool selects M of the batch's positions; the others are never evaluated, so nothing there,
    not even an infinite loss, can reach the gradient. `comparison` of these M was made before the update,
    `advantage` (M,) from it. The second result carries no gradient and is None if the normaliser was never
    computed.
    """
    head, states = head_of(student), hidden_states(student, batch)[counted]
    inputs = per_position_inputs(comparison, batch.sampled[counted], advantage)
    if needs_support_only(spec):
        inputs["log_p"] = supports.renormalise(support_logits(head, states, inputs["support"]))
        inputs["log_q"] = supports.renormalise(inputs["support_log_q"])
        return evaluate(spec, inputs), None

    names = list(inputs)
    chunk = chunk_losses(spec, teacher_head, names)
    both = recomputed(chunk, head, states, *(inputs[name] for name in names))
    return both[:, 0], both[:, 1].detach()


def evaluate(spec: ObjectiveSpec, inputs: dict[str, Tensor]) -> Tensor:
    """(n,) the objective on what it asks for, with the spec's options; ValueError for another shape."""
    objective = OBJECTIVES[spec.name]
    losses = objective.function(**{name: inputs[name] for name in objective.inputs}, **spec.options)
    if losses.shape != inputs["sampled"].shape:
        raise ValueError(
            f"the objective {spec.name} must return a number per position, {tuple(inputs['sampled'].shape)}, "
            f"and returned {tuple(losses.shape)}"
        )
    return losses


def per_position_inputs(comparison: Comparison, sampled: Tensor, advantage: Tensor) -> dict[str, Tensor]:
    """Every (N, ...) tensor that a loss may need and that was made, by name."""
    made = {
        "sampled": sampled,
        "advantage": advantage,
        "sampled_log_p_old": comparison.student.sampled_log_prob,
        "sampled_log_q": comparison.teacher.sampled_log_prob,
        "teacher_entropy": comparison.teacher.entropy,
        "support": comparison.support,
        "support_log_q": comparison.support_log_q,
        "teacher_states": comparison.teacher_states,
    }
    return {name: value for name, value in made.items() if value is not None}


def chunk_losses(spec: ObjectiveSpec, teacher_head: Head, names: list[str]) -> Callable[..., Tensor]:
    """A function from (n, V) log p and the named inputs to (n, 2): loss and sampled log p."""

    def losses(log_p: Tensor, *values: Tensor) -> Tensor:
        given = dict(zip(names, values, strict=True))
        sampled = given["sampled"]
        given["sampled_log_p"] = log_p.gather(-1, sampled[:, None])[:, 0]
        if "support" in given:
            given["sampled_outside"] = ~supports.contains(given["support"], sampled)
            given["log_p"] = outside(spec.outside, supports.gather(log_p, given["support"]))
            given["log_q"] = outside(spec.outside, given["support_log_q"])
        elif "teacher_states" in given:
            given["log_p"] = log_p
            with torch.no_grad():
                given["log_q"] = teacher_head.logits(given["teacher_states"]).log_softmax(-1)
        return torch.stack([evaluate(spec, given), given["sampled_log_p"]], -1)

    return losses


def outside(treatment: str, log_probs: Tensor) -> Tensor:
    """Log-probabilities on the support with the mass outside it ignored, renormalised or as a tail."""
    match treatment:
        case "ignored":
            return log_probs
        case "renormalised":
            return supports.renormalise(log_probs)
        case "tail_bucket":
            return supports.with_tail(log_probs)
    raise ValueError(f"unknown treatment of what is outside the support: {treatment!r}")
