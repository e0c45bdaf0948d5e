"""The on-policy distillation loop: sample, score, diagnose, update.

    python -m opd.distill --spec SPEC --student FOLDER --teachers TASK=FOLDER ... --out RUN_FOLDER

SPEC is a `DistillSpec` as JSON, with one task or several; step t works on task t mod their number, and each
task has a teacher of its own. RUN_FOLDER receives `model/`, `metrics.jsonl` (a line per step, see
`opd.diagnostics.metrics`), `run.json`, and with LoRA the `adapters/` that the model was merged from. A killed
run continues from its last checkpoint when started again with the same spec, models, data and code of
training, and ends with the same numbers: all randomness is a function of (seed, step), so a checkpoint needs
no generator state. Settings that change rounding alone may differ when it continues, such as fewer
`tokens_per_forward` after a run out of memory; see `Spec.recipe`. Under torchrun several processes share the
work, each with a device of its own; see `opd.parallel`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

from opd import learner, lora, masks, models, tasks, teaching
from opd.advantages import advantages, truncated_importance_weights
from opd.average import MovingAverage
from opd.batch import TokenBatch
from opd.credit import credit, share_without_signal, with_signal
from opd.diagnostics.mismatch import mismatch, stop_if_too_large
from opd.diagnostics.step import diagnose, observe
from opd.experience import Experience
from opd.learner import Learner
from opd.parallel import ranks, sharding
from opd.parallel.sharding import Root, gathered
from opd.parallel.share import assemble, divide
from opd.parallel.shared_engine import together
from opd.rollout import engine as engines
from opd.rollout.engine import Engine, TrainingEngine
from opd.run.card import card, model_name
from opd.run.loop import Loop
from opd.run.machine import Stopwatch, accelerator
from opd.scoring.compare import Comparison, compare
from opd.scoring.witness import alarm_if_uniform, rescore
from opd.spec import DistillSpec
from opd.tasks import Task
from opd.teaching import TaughtTask
from opd.training import train
from programs.command_line import arguments, launch


@dataclass
class Run:
    """Everything a step works on."""

    spec: DistillSpec
    student: Learner
    tasks: Sequence[TaughtTask]
    marker_ids: list[int]
    engine: TrainingEngine
    average: MovingAverage | None = None  # of teachers that follow the student
    checked: set[str] = field(default_factory=set)  # tasks whose scores this process has checked


def main(spec: DistillSpec, student: Path, teachers: Mapping[str, Path], out: Path) -> None:
    """Distil the teachers into `student` for `spec.steps` steps; see the module's docstring."""
    out.mkdir(parents=True, exist_ok=True)
    loop = loop_of(spec, out)
    ranks.join(alone=sharding.needed(spec.memory))
    with ExitStack() as stack:
        # Tasks first: a missing panel should fail before any model is loaded.
        asked = spec.tasks if ranks.first() else {}
        loaded = {name: stack.enter_context(closing(tasks.load(task))) for name, task in asked.items()}
        run = start(spec, loaded, student, teachers)
        parents = {"student": student, **{f"teacher, {name}": teachers[name] for name in spec.tasks}}
        fingerprints = ranks.from_first(lambda: [models.fingerprint(folder) for folder in parents.values()])
        # Where the data lie decides no number.
        data = ranks.from_first(lambda: [task.describe() | {"source": ""} for task in loaded.values()])
        # Prompts and ends of responses may change where weights do not.
        protocol = ranks.from_first(
            lambda: [models.tokenizer_sha256(run.student.tokenizer), run.engine.end_ids]
        )
        recipe = json.dumps([spec.recipe(), fingerprints, data, protocol])
        averages = run.average.tensors if run.average else None
        loop.run(recipe, run.student, partial(distill_step, run), averages)
        named = {
            role: (model_name(folder), mark)
            for (role, folder), mark in zip(parents.items(), fingerprints, strict=True)
        }
        with gathered(run.student.root):
            if ranks.first():
                lora.save(run.student.model, out / "adapters")
            lora.merge(run.student.model)
            if ranks.first():
                ends = run.student.tokenizer.convert_ids_to_tokens(run.engine.end_ids)
                engine = {"engine": run.engine.version, "end_tokens": ends}
                loop.finish(run.student, partial(describe, run, named), **engine)
            ranks.wait()


def loop_of(spec: DistillSpec, out: Path) -> Loop:
    """The run's loop in its folder."""
    name = f"{spec.method} seed {spec.seed}"
    return Loop("opd.distill", out, spec, name, spec.experiment, spec.steps, spec.checkpoint_every)


def start(spec: DistillSpec, loaded: Mapping[str, Task], folder: Path, teachers: Mapping[str, Path]) -> Run:
    """Load the student of a `folder` and its teachers, and check that they can be compared token by token."""
    teacher_models = teaching.load_teachers(spec, folder, teachers)
    student = learner.load(folder, spec)
    teaching.refuse_other_ids(folder, student.model, spec.vocabulary_size)
    taught = teaching.taught_tasks(spec.tasks, loaded, teacher_models)
    marker_ids = masks.marker_ids(spec.mask, student.tokenizer)
    episodes = max(task.rollout.prompts * task.rollout.samples_per_prompt for task in spec.tasks.values())
    engine_count = max(1, ranks.count() // spec.engine.tensor_parallel)
    requests = math.ceil(episodes / engine_count)
    dtype = sharding.dtype(student.model, spec.memory)
    with whole_for_rollouts(spec, student.root):
        engine = engines.follow(spec.engine, student.model, folder, student.tokenizer, requests, dtype)
    average = MovingAverage(taught[0].teacher, spec.teacher_decay) if spec.teacher_decay < 1 else None
    return Run(spec, student, taught, marker_ids, engine, average)


def distill_step(run: Run, step: int) -> dict:
    """One step: sample, score, diagnose, update. Returns its metrics line.

    Raises FloatingPointError if the loss or gradient is not finite.
    """
    spec, watch = run.spec, Stopwatch()
    taught = run.tasks[step % len(run.tasks)]
    with watch("rollout"):
        experience = collect(run, taught, taught.draw(step // len(run.tasks)))
    share = divide(len(experience.finished), taught.rollout.minibatch_size, experience.finished.device)
    batch = replace(experience.batch.rows(share.rows), packed=spec.memory.pack_sequences)
    with watch("scoring"):
        if run.average:
            run.average.follow(run.student.model)
        with gathered(run.student.root, taught.teacher):
            comparison = score(run, taught.teacher, batch)
            if taught.name not in run.checked:
                check_scores(run, taught, batch, comparison, at_start=step < len(run.tasks))
    observed = assemble(observe(comparison), share.owner[experience.batch.sequence])
    apart = mismatch(experience.rollout_log_prob, observed.student_log_prob)
    stop_if_too_large(apart, spec.engine.mismatch_limit, run.engine.dtype)
    metrics = diagnose(experience.batch, experience.finished, observed, taught.rollout.max_new_tokens)
    with watch("training"):
        advantage, mask = advantage_and_mask(run, experience, share.rows, batch, comparison)
        updates = list(train(spec, run.student, taught.teacher, share, batch, comparison, advantage, mask))
    return {
        "step": step,
        "task": taught.name,
        **{name: mean([update[name] for update in updates]) for name in updates[0]},
        "masked_share": 1 - float(ranks.total(mask.sum()) / len(experience.batch.sampled)),
        **experience.metrics,
        "groups_without_signal": share_without_signal(experience),
        **metrics,
        **apart,
        "machine": {
            **watch.rates(len(experience.batch.sampled)),
            "peak_memory_mib": ranks.largest(peak_memory(watch, run.engine)),
            "processes": ranks.count(),
            **accelerator(),
        },
    }


def peak_memory(watch: Stopwatch, engine: TrainingEngine) -> float:
    """The step's peak in MiB. While the engine sleeps, the allocator still counts what it has given back."""
    asleep = max(watch.peak_mib["scoring"], watch.peak_mib["training"]) - engine.given_back_mib()
    return max(watch.peak_mib["rollout"], asleep)


def score(run: Run, teacher: PreTrainedModel, batch: TokenBatch) -> Comparison:
    """What student and teacher think of this rank's positions, as far as the objective asks for it."""
    spec = run.spec
    return compare(
        run.student.model,
        teacher,
        batch,
        spec.teacher_top_k,
        spec.tokens_per_forward,
        spec.objective.support,
        nucleus_mass=spec.objective.nucleus_mass or 1.0,
        expected_log_ratio=spec.objective.advantage.baseline,
        marker_ids=run.marker_ids if spec.mask.teacher_mass is not None else (),
        teacher_temperature=spec.teacher_temperature,
    )


def advantage_and_mask(
    run: Run, experience: Experience, rows: Tensor, batch: TokenBatch, comparison: Comparison
) -> tuple[Tensor, Tensor]:
    """(N,) advantage of this rank's positions, and (N,) mask of how much each counts.

    `rows` are the responses of the `experience` that this rank's `batch` holds.
    """
    spec = run.spec.objective.advantage
    advantage = advantages(spec, comparison, batch.sequence, credit(spec.credit, experience)[rows])
    if spec.importance_cap is not None:
        # A loss that is homogeneous of degree one in the advantage is weighed by weighing that: PPO's clipped
        # one is, for weights above 0, though it is not linear.
        sampled = experience.rows(rows).rollout_log_prob
        now = comparison.student.sampled_log_prob
        advantage = advantage * truncated_importance_weights(sampled, now, spec.importance_cap)
    tokenizer, marker_log_q = run.student.tokenizer, comparison.marker_log_q
    mask = masks.build(run.spec.mask, run.marker_ids, tokenizer, batch, marker_log_q)
    if spec.credit.only_groups_with_signal:
        mask = mask * with_signal(experience)[rows][batch.sequence]
    return advantage, mask


def describe(run: Run, parents: Mapping[str, tuple[str, str]], end: Mapping[str, Any]) -> str:
    """The model's card; `end` is what the last step measured."""
    spec, data = run.spec, {taught.name: taught.task.describe() for taught in run.tasks if taught.task}
    title = f"{spec.experiment}, {spec.method}, seed {spec.seed}"
    summary = "A student after on-policy distillation by `python -m opd.distill`."
    return card(title, summary, spec, parents, data, end)


def collect(run: Run, taught: TaughtTask, draw: int) -> Experience:
    """All responses to a draw of the task, shortest first, where the student is."""

    def ask(engine: Engine) -> Experience:
        assert taught.task is not None
        return taught.task.collect(engine, run.spec.seed, draw)

    with whole_for_rollouts(run.spec, run.student.root), run.engine.awake(run.student.model):
        experience = together(run.engine, run.spec.engine.tensor_parallel, ask)
    return experience.shortest_first().to(models.device())


def whole_for_rollouts(spec: DistillSpec, root: Root) -> AbstractContextManager:
    """Gathers the student if it answers itself; vLLM has weights of its own, and takes over one by one."""
    return gathered(root) if spec.engine.name == "torch" else nullcontext()


def check_scores(
    run: Run, taught: TaughtTask, batch: TokenBatch, comparison: Comparison, at_start: bool
) -> None:
    """Both models' scores of a task, when this process has them for the first time (`opd.scoring.witness`).

    The alarm is for the start of the run: later on, as where a run resumes, a student may write what a
    teacher finds as improbable as any token, and nothing is wrong.
    """
    run.checked.add(taught.name)
    if at_start:
        alarm_if_uniform(comparison.teacher, run.spec.vocabulary_size, run.spec.uniform_teacher)
    key = f"witness/{run.spec.seed}/{taught.name}"
    rescore(run.student.model, batch, comparison.student.sampled_log_prob, key)
    temperature = run.spec.teacher_temperature
    seen = batch.as_the_teacher_reads
    rescore(taught.teacher, seen, comparison.teacher.sampled_log_prob, key, temperature)


def mean(values: list[float | None]) -> float | None:
    """The mean of the values that are known, None if none is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


if __name__ == "__main__":
    launch(
        main,
        *arguments(
            __doc__,
            DistillSpec,
            frozenset({"teachers"}),
            student="model folder to start from",
            teachers="model folder to learn each task of the spec from",
            out="run folder to write",
        ),
    )
