"""Jobs that train: distillation, reinforcement and warm starts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from opd.plan import host, memory, work
from opd.plan.activations import forward_only
from opd.plan.devices import DEVICES, GIB
from opd.plan.memory import Layout, Phases
from opd.plan.shape import Shape
from opd.plan.step import Step
from opd.plan.work import Phase
from opd.spec import DistillSpec, TaskSpec
from workflows.needs import models
from workflows.needs.answering import trace_step
from workflows.needs.earlier import PHASES, earlier, overall_rates
from workflows.needs.job import Job
from workflows.needs.prompts import PROMPT_TOKENS, training_sets
from workflows.plan import Plan

# vLLM reads prompts in forward passes of so many tokens (16,384 on the largest cards). CUDA graphs, and what
# its libraries take, are said to be about a GiB; they have not been measured here.
_VLLM_TOKENS = 8192
_VLLM_OWN = GIB


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


def _run(
    plan: Plan, job: Job, spec: DistillSpec, student: str, teachers: Mapping[str, str], folder: Path
) -> Job:
    learner, layout = models.shape_of(plan, student), layout_of(plan, spec)
    done, rates = _work(plan, spec, learner, teachers, layout, folder)
    distinct = [models.shape_of(plan, name) for name in dict.fromkeys(teachers.values())]
    return replace(
        job,
        memory=distillation(spec, learner, distinct, layout),
        work=done,
        disk=learner.weights,
        scratch=checkpoint_bytes(learner, layout),
        gpus=layout.ranks,
        engine=layout.engine,
        engine_needs=engine_needs(spec, layout.computing(learner)) if layout.engine == "vllm" else 0,
        host=host.needed(models.largest([learner, *distinct]), learner, layout, plan.processes_per_node),
        rates=rates,
        reads=training_sets(str(task.environment) for task in spec.tasks.values() if task.environment),
    )


def _work(
    plan: Plan,
    spec: DistillSpec,
    learner: Shape,
    teachers: Mapping[str, str],
    layout: Layout,
    folder: Path,
) -> tuple[dict[str, Phase], dict[str, float]]:
    """Work of each rank by phase, and its measured rates if earlier runs have made steps on as many."""
    known = earlier(Path(plan.results) / folder, layout.ranks, plan.config.gpu)
    phases: dict[str, list[Phase]] = {phase: [] for phase in (*PHASES, "update")}
    for number, (name, task) in enumerate(spec.tasks.items()):
        often, before = len(range(number, spec.steps, len(spec.tasks))), known.get(name)
        step = step_of(task, spec.tokens_per_forward)
        if before and before.turns and task.games:
            step = replace(step, rows=round(step.together * before.turns))
        updates = max(1, round(step.rows / task.rollout.minibatch_size))
        step = of_rank(step, layout.ranks)
        share = before.length / step.cap if before else work.MEAN_LENGTH
        teacher = models.shape_of(plan, teachers[name])
        done = {
            "rollout": work.rollout_in_rounds(learner, step, layout.engine, share),
            "scoring": work.scoring(learner, teacher, step, share),
        }
        trained = work.training(
            learner, teacher, spec.objective, spec.memory.recompute_layers, step, share, spec.lora is not None
        )
        done |= learning(learner, layout, trained, work.passes(step, updates, share), updates)
        for phase, once in done.items():
            phases[phase].append(work.times(once, often))
    updates_alone = phases.pop("update")
    rates = overall_rates(phases, [known.get(name) for name in spec.tasks])
    if not rates:  # what is measured as training has them in it
        phases["update"] = updates_alone
    together = {phase: work.together(done) for phase, done in phases.items()}
    return together, {phase: rate / layout.ranks for phase, rate in rates.items()}


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


def of_rank(step: Step, ranks: int) -> Step:
    """The largest part of a step that falls to one of `ranks` processes."""
    return replace(step, rows=-(-step.rows // ranks), together=-(-step.together // ranks))


def learning(student: Shape, layout: Layout, once: Phase, passes: int, updates: int) -> dict[str, Phase]:
    """Training in so many passes and the updates after them, per rank.

    Weights that rest on the host are copied for every forward pass and for its backward pass.
    """
    copied = 2 * passes * layout.offloaded(student)
    trained = layout.trained_in_all(student) // layout.ranks
    update = work.update(trained, layout.memory, passes // updates)
    return {"training": replace(once, copied=copied), "update": work.times(update, updates)}


def distillation(spec: DistillSpec, student: Shape, teachers: Sequence[Shape], layout: Layout) -> Phases:
    """Memory of each GPU of a run with these distinct teachers."""
    whole = [step_of(task, spec.tokens_per_forward) for task in spec.tasks.values()]
    steps = [of_rank(step, layout.ranks) for step in whole]
    return memory.distillation(student, teachers, steps, spec.objective, spec.teacher_top_k, layout)


def checkpoint_bytes(student: Shape, layout: Layout) -> int:
    """What is trained, two moments of AdamW, and the teacher if it is an average of the student."""
    return 3 * layout.trained_in_all(student) + (4 * student.parameters if layout.averaged else 0)
