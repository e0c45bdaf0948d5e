"""The jobs of a config's target that run a model, and what each of them needs."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import envs
from envs.alfworld.game import TASK_TYPES
from envs.alfworld.sources import generated
from eval.suites import get as suite_named
from opd.plan import host, memory, models, signal, work
from opd.plan.activations import forward_only
from opd.plan.devices import DEVICES, GIB
from opd.plan.earlier import PHASES, earlier, overall_rates
from opd.plan.memory import Layout, Phases
from opd.plan.needed import models_of
from opd.plan.shape import Shape
from opd.plan.step import Step
from opd.plan.work import Phase
from opd.rollout import TRACES_TOGETHER
from opd.spec import DistillSpec, TaskSpec, TracesRecipe
from workflows.config.schema import PanelConfig
from workflows.config.studies import SubjectConfig
from workflows.plan import Plan

# Tokens of a prompt with its chat template, where nobody has counted them: the longer ones.
PROMPT_TOKENS = defaultdict(lambda: 1024, chain_arithmetic=64)
# Games of the released data (docs/alfworld.md), which a panel without a source of its own draws from.
_RELEASED = {"train": 3553, "valid_seen": 140, "valid_unseen": 134}
# vLLM reads prompts in forward passes of so many tokens (16,384 on the largest cards). CUDA graphs, and what
# its libraries take, are said to be about a GiB; they have not been measured here.
_VLLM_TOKENS = 8192
_VLLM_OWN = GIB
_BYTES_OF_TEXT = 4  # per token that is stored as text
_BYTES_OF_ID = 7  # per token that is stored as its id
_BYTES_OF_SCORE = 80  # per token of the signal study, as a row of its table


@dataclass(frozen=True)
class Job:
    """`count` jobs of one kind: GPU memory by phase, work by phase, bytes that stay and that pass on disk.

    `rule` and `of` say which: the rule's name, and the experiment, model or panel that it is for. Memory and
    work are those of each of its `gpus`; `engine` answers its prompts, and `engine_needs` are the bytes
    of vLLM with a cache for the longest response alone, on each GPU that it is spread over. `host`
    is the memory of each machine that it takes beside its GPUs.
    """

    name: str
    rule: str
    of: str = ""
    count: int = 1
    memory: Phases = field(default_factory=dict)
    work: Mapping[str, Phase] = field(default_factory=dict)
    disk: int = 0
    scratch: int = 0
    gpus: int = 1
    engine: str = "torch"
    engine_needs: int = 0
    host: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)


def jobs(plan: Plan, target: str) -> list[Job]:
    """What `target` (`all` or `full`) runs from nothing, in the order of the workflow."""
    studies = {name: list(plan.subjects(name)) for name in plan.studies_of(target)}
    subjects: dict[str, SubjectConfig] = {f: row for rows in studies.values() for row, _, f in rows}
    panels = {name: plan.studies[name].panels for name in studies}
    played = {(f, panel) for name, rows in studies.items() for panel in panels[name] for _, _, f in rows}
    trained = subjects | {plan.folder(row, plan.config.seeds[0]): row for row in plan.failures}
    runs = Counter((str(row.experiment), f.split("/")[-2]) for f, row in trained.items() if not row.model)
    needed = models_of(plan, target)
    shapes = {folder: models.shape_behind(plan, folder) for folder in subjects}
    answers = {plan.responses(row, f): (row, f) for rows in studies.values() for row, _, f in rows}
    asked = Counter(
        ("generate_asked" if row.prompt else "generate", shapes[folder]) for row, folder in answers.values()
    )
    plays = Counter((shapes[folder], panel) for folder, panel in sorted(played))

    def made(source: str) -> list[str]:
        return [name for name in plan.made_by(source) if name in needed]

    return [
        *(download(plan, model) for model in made("hub")),
        *(reinforcement(plan, model) for model in made("reinforce")),
        *(traces(plan, model) for model in made("sft")),
        *(warm_start(plan, model) for model in made("sft")),
        *(run(plan, *of, count) for of, count in runs.items()),
        *(generation(plan, shape, rule, count) for (rule, shape), count in asked.items()),
        *(playing(plan, shape, panel, count) for (shape, panel), count in plays.items()),
        *(signal_scoring(plan, *pair, count) for pair, count in scored(plan).items()),
    ]


def scored(plan: Plan) -> Counter[tuple[Shape, Shape]]:
    """How often the signal study scores a student of a shape under a teacher of a shape."""
    if not plan.config.signal:
        return Counter()
    folders = {*plan.signal_scores.values(), *plan.failure_scores.values()}
    scores = sorted(folder.removeprefix(f"{plan.results}/signal/scores/") for folder in folders)
    pairs = [score.rsplit("/", 1) for score in scores]
    return Counter(
        (models.shape_behind(plan, f"{plan.results}/{student}"), models.shape_of(plan, teacher))
        for student, teacher in pairs
    )


def of_dag(found: Sequence[Job], counts: Mapping[tuple[str, str], int]) -> list[Job]:
    """The jobs of which (rule, of) is in a DAG, as often as it is there."""
    return [replace(job, count=counts[job.rule, job.of]) for job in found if counts.get((job.rule, job.of))]


def layout_of(plan: Plan, spec: DistillSpec) -> Layout:
    """Where a run keeps its student, and what its engine takes of the card that the config plans for."""
    ranks, engine = plan.config.training_processes, spec.engine
    card = DEVICES[plan.config.gpu].memory_gib * GIB if plan.config.gpu else 0
    taken = 0 if engine.name == "torch" else round(engine.memory_share * card)
    averaged = 0 < spec.teacher_decay < 1
    return Layout(spec.memory, ranks, engine.name, taken, engine.sleep, spec.lora, averaged)


def engine_needs(spec: DistillSpec, student: Shape) -> int:
    """Bytes of what each GPU that shares an engine has of it, if its cache holds the longest response alone.

    vLLM sizes the cache by what a forward pass of as many tokens as it ever takes leaves, its libraries and
    CUDA graphs.
    """
    longest = max(step_of(task, spec.tokens_per_forward).longest for task in spec.tasks.values())
    forward = forward_only(student, Step(1, 1, 1, 0, _VLLM_TOKENS))
    shared = student.weights + longest * student.cache + forward
    return shared // spec.engine.tensor_parallel + _VLLM_OWN


def step_of(task: TaskSpec, tokens_per_forward: int) -> Step:
    """A step of a task, if games take all their turns."""
    rollout = task.rollout
    episodes = rollout.prompts * rollout.samples_per_prompt
    turns = task.games.max_steps if task.games else 1
    prompt = PROMPT_TOKENS["games" if task.games else str(task.environment)]
    return Step(episodes * turns, episodes, prompt, rollout.max_new_tokens, tokens_per_forward)


def distillation(spec: DistillSpec, student: Shape, teachers: Sequence[Shape], layout: Layout) -> Phases:
    """Memory of each GPU of a run with these distinct teachers."""
    whole = [step_of(task, spec.tokens_per_forward) for task in spec.tasks.values()]
    steps = [of_rank(step, layout.ranks) for step in whole]
    return memory.distillation(student, teachers, steps, spec.objective, spec.teacher_top_k, layout)


def run(plan: Plan, experiment: str, method: str, count: int = 1) -> Job:
    """The runs of a method in an experiment."""
    config = plan.config.experiments[experiment]
    spec = plan.distill_spec(experiment, method, plan.config.seeds[0])
    rule, of = ("distill", f"{experiment}/{method}") if "@" in method else (method, experiment)
    job = Job(f"{experiment}/{method}", rule, of, count)
    return _run(plan, job, spec, config.student, config.teachers, Path("runs", experiment, method))


def reinforcement(plan: Plan, model: str) -> Job:
    """The run that makes a model by reinforcement; the model that it starts from stays in memory."""
    config, job = plan.config.models[model].reinforce, Job(f"reinforce {model}", "reinforce", model)
    assert config is not None
    start = {config.task: config.student}
    return _run(plan, job, plan.reinforce_spec(model), config.student, start, Path("models", model))


def _run(
    plan: Plan, job: Job, spec: DistillSpec, student: str, teachers: Mapping[str, str], folder: Path
) -> Job:
    learner, layout = models.shape_of(plan, student), layout_of(plan, spec)
    known = earlier(Path(plan.results) / folder)
    phases: dict[str, list[Phase]] = {phase: [] for phase in (*PHASES, "update")}
    for name, task in spec.tasks.items():
        often, before = spec.steps // len(spec.tasks), known.get(name)
        step = step_of(task, spec.tokens_per_forward)
        if before and before.turns and task.games:
            step = replace(step, rows=round(step.together * before.turns))
        updates = max(1, round(step.rows / task.rollout.minibatch_size))
        step = of_rank(step, layout.ranks)
        share = before.length / step.cap if before else work.MEAN_LENGTH
        done = {
            "rollout": work.rollout(learner, step, layout.engine, share),
            "scoring": work.scoring(learner, models.shape_of(plan, teachers[name]), step, share),
        }
        trained = work.training(
            learner, spec.objective, spec.memory.recompute_layers, step, share, spec.lora is not None
        )
        done |= learning(learner, layout, trained, work.passes(step, updates, share), updates)
        for phase, once in done.items():
            phases[phase].append(work.times(once, often))
    distinct = [models.shape_of(plan, name) for name in dict.fromkeys(teachers.values())]
    updates_alone = phases.pop("update")
    rates = overall_rates(phases, [known.get(name) for name in spec.tasks])
    if not rates:  # what is measured as training has them in it
        phases["update"] = updates_alone
    return replace(
        job,
        memory=distillation(spec, learner, distinct, layout),
        work={phase: work.together(done) for phase, done in phases.items()},
        disk=learner.weights,
        scratch=checkpoint_bytes(learner, layout),
        gpus=layout.ranks,
        engine=layout.engine,
        engine_needs=engine_needs(spec, layout.computing(learner)) if layout.engine == "vllm" else 0,
        host=host.needed(models.largest([learner, *distinct]), learner, layout, plan.processes_per_node),
        rates={phase: rate / layout.ranks for phase, rate in rates.items()},
    )


def learning(student: Shape, layout: Layout, once: Phase, passes: int, updates: int) -> dict[str, Phase]:
    """Training in so many passes and the updates after them, per rank.

    Weights that rest on the host are copied for every forward pass and for its backward pass.
    """
    copied = 2 * passes * layout.offloaded(student)
    trained = layout.trained_in_all(student) // layout.ranks
    update = work.update(trained, layout.memory, passes // updates)
    return {"training": replace(once, copied=copied), "update": work.times(update, updates)}


def of_rank(step: Step, ranks: int) -> Step:
    """The largest part of a step that falls to one of `ranks` processes."""
    return replace(step, rows=-(-step.rows // ranks), together=-(-step.together // ranks))


def traces(plan: Plan, model: str) -> Job:
    """A teacher's traces for a warm start, on one GPU."""
    spec, config = plan.traces_spec(model), plan.config.models[model].sft
    assert config is not None
    step = replace(trace_step(spec), together=min(spec.traces, TRACES_TOGETHER))
    job = Job(f"traces {model}", "traces", model)
    return _decode(job, models.shape_of(plan, config.teacher), [step], spec.engine, _BYTES_OF_ID)


def warm_start(plan: Plan, model: str) -> Job:
    """Supervised training on the teacher's traces, if all are kept."""
    spec, config = plan.sft_spec(model), plan.config.models[model].sft
    assert config is not None
    student, ranks = models.shape_of(plan, config.student), plan.config.training_processes
    layout = Layout(spec.memory, ranks)
    every = of_rank(trace_step(plan.traces_spec(model), spec.tokens_per_forward), ranks)
    # Every part of a batch is as long as the longest trace or `tokens_per_forward` allows.
    part = replace(every, rows=-(-spec.batch_size // ranks))
    updates = -(-every.rows // part.rows)
    once = work.supervised(student, spec.memory.recompute_layers, every)
    epoch = learning(student, layout, once, work.passes(every, updates), updates)
    return Job(
        f"sft {model}",
        "sft",
        model,
        memory=memory.supervised(student, part, layout),
        work={phase: work.times(once, spec.epochs) for phase, once in epoch.items()},
        disk=student.weights,
        scratch=checkpoint_bytes(student, layout),
        gpus=ranks,
        host=host.needed(student, student, layout, plan.processes_per_node),
    )


def trace_step(spec: TracesRecipe, tokens_per_forward: int = 0) -> Step:
    """All traces as one step."""
    prompt, cap = PROMPT_TOKENS[spec.environment], spec.sampling.max_new_tokens
    return Step(spec.traces, spec.traces, prompt, cap, tokens_per_forward)


def checkpoint_bytes(student: Shape, layout: Layout) -> int:
    """What is trained, two moments of AdamW, and the teacher if it is an average of the student."""
    return 3 * layout.trained_in_all(student) + (4 * student.parameters if layout.averaged else 0)


def download(plan: Plan, model: str) -> Job:
    """Weights from the hub."""
    return Job(f"fetch {model}", "fetch", model, disk=models.shape_of(plan, model).weights)


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
    job = Job(_sized(rule.replace("_", " "), shape), rule, count=count)
    return _decode(job, shape, steps, evaluation.engine, _BYTES_OF_TEXT)


def playing(plan: Plan, shape: Shape, panel: str, count: int = 1) -> Job:
    """A panel's games, for models of a shape."""
    games = plan.config.evaluation.games
    assert games is not None
    rows = games_of(plan.config.panels[panel]) * games.repeats * games.max_steps
    step = Step(rows, games.slots, PROMPT_TOKENS["games"], games.sampling.max_new_tokens)
    job = Job(_sized(f"play {panel}", shape), "play", panel, count)
    return _decode(job, shape, [step], plan.config.evaluation.engine, _BYTES_OF_TEXT)


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
    )


def _sized(name: str, shape: Shape) -> str:
    return f"{name}, {shape.parameters / 1e9:.2g} B"


def _decode(job: Job, shape: Shape, steps: Sequence[Step], engine: str, bytes_of_token: int) -> Job:
    phases = [work.rollout(shape, step, engine) for step in steps]
    longest = max(steps, key=lambda step: step.longest)
    done = work.together(phases)
    return replace(
        job,
        memory=memory.decoding(shape, longest, engine),
        work={"rollout": done},
        disk=done.tokens * bytes_of_token,
        host=host.answering(shape),
        engine=engine,
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
