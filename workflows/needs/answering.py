"""Jobs that ask models: traces, suites, games and the signal study."""

from collections.abc import Sequence
from dataclasses import replace

import envs
from envs.alfworld.game import TASK_TYPES
from envs.alfworld.sources import generated
from eval.suites import get as suite_named
from opd.plan import host, memory, signal, work
from opd.plan.shape import Shape
from opd.plan.step import Step
from opd.plan.work import Phase
from opd.rollout import TRACES_TOGETHER
from opd.spec import TracesRecipe
from workflows.config.schema import PanelConfig
from workflows.needs import models
from workflows.needs.job import Job
from workflows.needs.prompts import PROMPT_TOKENS, asked_suites, training_sets
from workflows.plan import Plan

# Games of the released data (docs/alfworld.md), which a panel without a source of its own draws from.
_RELEASED = {"train": 3553, "valid_seen": 140, "valid_unseen": 134}
_BYTES_OF_TEXT = 4  # per token that is stored as text
_BYTES_OF_ID = 7  # per token that is stored as its id
_BYTES_OF_SCORE = 80  # per token of the signal study, as a row of its table


def traces(plan: Plan, model: str) -> Job:
    """A teacher's traces for a warm start, on one GPU."""
    spec, config = plan.traces_spec(model), plan.config.models[model].sft
    assert config is not None
    step = replace(trace_step(spec), together=min(spec.traces, TRACES_TOGETHER))
    shape, reads = models.shape_of(plan, config.teacher), training_sets([spec.environment])
    job = Job(f"traces {model}", "traces", model, engine=spec.engine, reads=reads)
    return _decode(job, shape, step, [work.rollout(shape, step, spec.engine)], _BYTES_OF_ID)


def trace_step(spec: TracesRecipe, tokens_per_forward: int = 0) -> Step:
    """All traces as one step."""
    prompt, cap = PROMPT_TOKENS[spec.environment], spec.sampling.max_new_tokens
    return Step(spec.traces, spec.traces, prompt, cap, tokens_per_forward)


def generation(plan: Plan, shape: Shape, rule: str = "generate", count: int = 1) -> Job:
    """All suites under their protocols, for models of a shape; `generate_asked` asks in other words."""
    evaluation = plan.config.evaluation
    steps = [
        Step(
            sum(problems_of(plan, suite) for suite in plan.suites if protocol.asks(suite)) * protocol.samples,
            evaluation.batch_size,
            PROMPT_TOKENS[evaluation.environment],
            protocol.sampling.max_new_tokens,
        )
        for protocol in evaluation.protocols
    ]
    reads, name = asked_suites(evaluation.environment, plan.suites), _sized(rule.replace("_", " "), shape)
    job = Job(name, rule, count=count, engine=evaluation.engine, reads=reads)
    longest = max(steps, key=lambda step: step.longest)
    done = [work.rollout(shape, step, evaluation.engine) for step in steps]
    return _decode(job, shape, longest, done, _BYTES_OF_TEXT)


def playing(plan: Plan, shape: Shape, panel: str, count: int = 1) -> Job:
    """A panel's games, for models of a shape."""
    games, engine = plan.config.evaluation.games, plan.config.evaluation.engine
    assert games is not None
    rows = games_of(plan.config.panels[panel]) * games.repeats * games.max_steps
    step = Step(rows, games.slots, PROMPT_TOKENS["games"], games.sampling.max_new_tokens)
    job = Job(_sized(f"play {panel}", shape), "play", panel, count, engine=engine)
    return _decode(job, shape, step, [work.rollout_in_rounds(shape, step, engine)], _BYTES_OF_TEXT)


def signal_scoring(plan: Plan, student: Shape, teacher: Shape, count: int = 1) -> Job:
    """What student and teacher think of the student's responses, for the signal study."""
    spec = plan.scoring_spec()
    prompt, cap = PROMPT_TOKENS[spec.environment], spec.sampling.max_new_tokens
    together = min(spec.responses, spec.batch_size)
    step = Step(spec.responses, together, prompt, cap, spec.tokens_per_forward)
    return Job(
        _sized("score signal", student),
        "score_signal",
        count=count,
        memory=signal.phases(student, teacher, step, spec.recompute_layers),
        work=signal.done(student, teacher, step, spec.recompute_layers),
        disk=spec.responses * cap * _BYTES_OF_SCORE,
        host=host.answering(models.largest([student, teacher])),
        reads=training_sets([spec.environment]),
    )


def _sized(name: str, shape: Shape) -> str:
    return f"{name}, {shape.parameters / 1e9:.2g} B"


def _decode(job: Job, shape: Shape, longest: Step, phases: Sequence[Phase], bytes_of_token: int) -> Job:
    done = work.together(phases)
    return replace(
        job,
        memory=memory.decoding(shape, longest, job.engine),
        work={"rollout": done},
        disk=done.tokens * bytes_of_token,
        host=host.answering(shape),
    )


def problems_of(plan: Plan, suite: str) -> int:
    """Problems of a suite that are asked."""
    asked = plan.config.evaluation.problems_per_suite
    if envs.environment_of(suite) != "math":
        assert asked is not None
        return asked
    return min(asked or suite_named(suite).counts[0], suite_named(suite).counts[0])


def games_of(panel: PanelConfig) -> int:
    """Games of a panel."""
    if panel.legacy_128:
        return 128
    if panel.per_type:
        return panel.per_type * len(TASK_TYPES)
    if made := generated(panel.source):
        return made.per_type * len(TASK_TYPES)
    return _RELEASED[panel.split]
