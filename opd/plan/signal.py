"""Memory and work of scoring a student's responses for the signal study (`studies.signal.score`).

One process holds student and teacher as they are, with the torch engine. Assumed: the norms of the gradients
of log p and the planted answers cost another scoring; what the teacher writes after a cut is as long as a
response.
"""

from collections.abc import Mapping
from dataclasses import replace

from opd.plan import memory, work
from opd.plan.activations import backward, kept
from opd.plan.memory import Components, Phases
from opd.plan.shape import Shape
from opd.plan.step import Step
from opd.plan.work import Phase
from opd.spec import ObjectiveSpec

_LOSS = ObjectiveSpec(name="policy_gradient", support="sampled", reduction="token_mean")


def phases(student: Shape, teacher: Shape, step: Step, recompute: bool) -> Phases:
    """Bytes by component in every phase, `step` being all responses."""
    models = {"student": student.weights, "teachers": teacher.weights}
    stored = {"scores": memory.scores([teacher], _LOSS, 1, step)}
    read = max(memory.reading(model, step) for model in (student, teacher))
    return {
        "rollout": {**models, **memory.decoder(student, step)},
        "scoring": {**models, **stored, "activations": read},
        "probe": {**models, **stored, **memory.decoder(teacher, _after_a_cut(step))},
        "gradient": {**models, **stored, **_gradient(student, step, recompute)},
    }


def _gradient(student: Shape, step: Step, recompute: bool) -> Components:
    """One gradient of all weights, for tokens that the teacher likes better, and one for the others."""
    at_head = memory.whole_head(student, step)
    return {
        "gradients": 2 * student.weights,
        "activations": kept(student, step, recompute),
        "backward": backward(student, at_head, step),
    }


def done(student: Shape, teacher: Shape, step: Step, recompute: bool) -> Mapping[str, Phase]:
    """Work of every phase."""
    probes = [work.rollout(teacher, each, "torch") for each in (step, _after_a_cut(step))]
    return {
        "rollout": work.rollout(student, step, "torch"),
        "scoring": work.times(work.scoring(student, teacher, step), 2),
        "probe": work.together(probes),
        "gradient": work.times(work.supervised(student, recompute, step), 2),
    }


def _after_a_cut(step: Step) -> Step:
    """The teacher goes on from prefixes of responses, at most as long as these, for as many tokens."""
    return replace(step, prompt=step.longest)
