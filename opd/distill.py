"""The on-policy distillation loop: sample, score, diagnose, update.

    python -m opd.distill --spec SPEC --student FOLDER --teachers TASK=FOLDER ... --out RUN_FOLDER

SPEC is a `DistillSpec` as JSON, with one task or several; step t works on task t mod their number, and each
task has a teacher of its own. RUN_FOLDER receives `model/`, `metrics.jsonl` (a
line per step, see `opd.metrics`) and `run.json`. A killed run continues from its last checkpoint when
started again with the same spec and models, and ends with the same numbers: all randomness is a function
of (seed, step), so a checkpoint needs no generator state.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim import Optimizer
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from opd import checkpoint, lora, masks, models, tasks
from opd.advantages import advantages
from opd.batch import TokenBatch
from opd.card import card, model_name
from opd.credit import credit, share_without_signal, with_signal
from opd.diagnostics import diagnose
from opd.lm_head import head_of
from opd.loss import position_losses
from opd.machine import Stopwatch, peak_memory_mib
from opd.mismatch import mismatch, stop_if_too_large, truncated_importance_weights
from opd.objectives import position_weights
from opd.optimizer import adamw, update
from opd.program import arguments
from opd.progress import progress
from opd.provenance import provenance
from opd.rollout import engine as engines
from opd.rollout.engine import TrainingEngine
from opd.scoring import Comparison, compare, select
from opd.spec import DistillSpec, RolloutSpec
from opd.tasks import Task
from opd.tracking import tracked
from opd.witness import alarm_if_uniform, rescore

# A change of probability beyond which PPO clips; the range of the clip_fraction metric.
_CLIP_RANGE = 0.2
_CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class TaughtTask:
    """A task, and the model that teaches it."""

    name: str
    task: Task
    teacher: PreTrainedModel
    rollout: RolloutSpec


@dataclass
class Run:
    """Everything a step works on."""

    spec: DistillSpec
    tokenizer: PreTrainedTokenizerBase
    student: PreTrainedModel
    tasks: Sequence[TaughtTask]
    optimizer: Optimizer
    markers: list[list[int]]
    engine: TrainingEngine


def main(spec: DistillSpec, student: Path, teachers: Mapping[str, Path], out: Path) -> None:
    """Distil the teachers into `student` for `spec.steps` steps; see the module's docstring."""
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # Tasks first: a missing panel should fail before any model is loaded.
        loaded = {name: stack.enter_context(closing(tasks.load(task))) for name, task in spec.tasks.items()}
        run = start(spec, loaded, student, teachers)
        parents = {"student": student, **{f"teacher, {name}": teachers[name] for name in spec.tasks}}
        fingerprints = {role: models.fingerprint(folder) for role, folder in parents.items()}
        steps(run, out, json.dumps([spec.model_dump(), list(fingerprints.values())]))
        named = {role: (model_name(folder), fingerprints[role]) for role, folder in parents.items()}
        text = describe(run, named, (out / "metrics.jsonl").read_text().splitlines()[-1])
    lora.merge(run.student)
    models.save(run.student, run.tokenizer, out / "model", text)
    manifest = {"spec": spec.model_dump(), "model": models.fingerprint(out / "model"), **provenance()}
    manifest["engine"] = run.engine.version
    (out / "run.json").write_text(json.dumps(manifest, indent=2) + "\n")
    (out / _CHECKPOINT).unlink(missing_ok=True)


def start(spec: DistillSpec, loaded: Mapping[str, Task], student: Path, teachers: Mapping[str, Path]) -> Run:
    """Load all models and check that they can be compared token by token."""
    if teachers.keys() != spec.tasks.keys():
        raise ValueError(f"--teachers must name {', '.join(spec.tasks)}, and names {', '.join(teachers)}")
    learner = models.load(student)
    if spec.lora:
        lora.adapt(learner, spec.lora, spec.seed)
    guides = {folder: models.load(folder).requires_grad_(False) for folder in set(teachers.values())}
    for folder, model in [(student, learner), *guides.items()]:
        if model.config.vocab_size != spec.vocabulary_size:
            raise ValueError(
                f"{folder} has {model.config.vocab_size} token ids, the spec says "
                f"{spec.vocabulary_size}; student and teachers must share one vocabulary"
            )
    taught = [
        TaughtTask(name, loaded[name], guides[teachers[name]], task.rollout)
        for name, task in spec.tasks.items()
    ]
    tokenizer, optimizer = models.load_tokenizer(student), adamw(learner, spec.optimizer)
    markers = masks.marker_ids(spec.mask, tokenizer)
    requests = max(task.rollout.prompts * task.rollout.samples_per_prompt for task in spec.tasks.values())
    engine = engines.follow(spec.engine, learner, student, tokenizer, requests)
    return Run(spec, tokenizer, learner, taught, optimizer, markers, engine)


def steps(run: Run, out: Path, recipe: str) -> None:
    """All steps that no checkpoint of this recipe has done, with their metrics and checkpoints."""
    spec = run.spec
    lines = resume(run, checkpoint.load(out / _CHECKPOINT, recipe))
    with (out / "metrics.jsonl").open("w") as log, tracked(spec, out, lines) as track:
        log.writelines(lines)
        for step in progress(range(len(lines), spec.steps), desc=f"{spec.method} seed {spec.seed}"):
            try:
                lines.append(json.dumps(distill_step(run, step)) + "\n")
            except FloatingPointError as error:
                previous = lines[-1].strip() if lines else "none"
                where = f"step {step}, {spec.method}"
                raise FloatingPointError(f"{where}: {error}. Last finite values: {previous}") from error
            log.write(lines[-1])
            log.flush()
            track(lines[-1])
            if (step + 1) % spec.checkpoint_every == 0 and step + 1 < spec.steps:
                checkpoint.save(out / _CHECKPOINT, recipe, state(run, lines))


def resume(run: Run, saved: dict | None) -> list[str]:
    """Put a checkpoint's state into the run; returns the metrics lines of the steps already done."""
    if saved is None:
        return []
    run.student.load_state_dict(run.student.state_dict() | saved["student"])
    run.optimizer.load_state_dict(saved["optimizer"])
    print(f"resuming after step {len(saved['metrics'])}", flush=True)
    return saved["metrics"]


def state(run: Run, lines: list[str]) -> dict:
    """What a checkpoint holds; the number of lines is the step to continue with."""
    return {
        "student": lora.trained(run.student),
        "optimizer": run.optimizer.state_dict(),
        "metrics": lines,
    }


def distill_step(run: Run, step: int) -> dict:
    """One step: sample, score, diagnose, update. Returns its metrics line.

    Raises FloatingPointError if the loss or gradient is not finite.
    """
    spec, watch = run.spec, Stopwatch()
    taught = run.tasks[step % len(run.tasks)]
    with watch("rollout"), run.engine.awake(run.student):
        collected = taught.task.collect(run.engine, spec.seed, step // len(run.tasks))
        experience = collected.shortest_first().to(run.student.device)
    batch = experience.batch
    with watch("scoring"):
        comparison = compare(
            run.student,
            taught.teacher,
            batch,
            spec.teacher_top_k,
            spec.tokens_per_forward,
            spec.objective.support,
            spec.objective.nucleus_mass or 1.0,
            spec.objective.advantage.baseline,
            masks.distinct(run.markers),
            spec.teacher_temperature,
        )
    own = comparison.student.sampled_log_prob
    apart = mismatch(experience.rollout_log_prob, own)
    stop_if_too_large(apart, spec.engine.mismatch_limit, run.engine.dtype)
    alarm_if_uniform(comparison.teacher, spec.vocabulary_size, spec.uniform_teacher)
    if step < len(run.tasks):  # a task's first step, with a teacher that was never asked before
        check_scores(run, taught, batch, comparison)
    metrics = diagnose(batch, experience.finished, comparison, taught.rollout.max_new_tokens)
    with watch("training"):
        earned = credit(spec.objective.advantage.credit, experience)
        advantage = advantages(spec.objective.advantage, comparison, batch.sequence, earned)
        if (cap := spec.objective.advantage.importance_cap) is not None:
            # The loss is linear in the advantage, so its weight is a factor of it.
            advantage = advantage * truncated_importance_weights(experience.rollout_log_prob, own, cap)
        mask = masks.build(spec.mask, run.markers, batch, comparison.marker_log_q)
        if spec.objective.advantage.credit.only_groups_with_signal:
            mask = mask * with_signal(experience)[batch.sequence]
        updates = list(train(run, taught, batch, comparison, advantage, mask))
    return {
        "step": step,
        "task": taught.name,
        **{name: mean([update[name] for update in updates]) for name in updates[0]},
        "masked_share": 1 - float(mask.mean()),
        **experience.metrics,
        "groups_without_signal": share_without_signal(experience),
        **metrics,
        **apart,
        "machine": {**watch.rates(len(batch.sampled)), "peak_memory_mib": peak_memory_mib()},
    }


def describe(run: Run, parents: Mapping[str, tuple[str, str]], line: str) -> str:
    """The model's card, with the last line of the metrics but for what depends on the machine's speed."""
    spec, data = run.spec, {taught.name: taught.task.describe() for taught in run.tasks}
    title = f"{spec.experiment}, {spec.method}, seed {spec.seed}"
    summary = "A student after on-policy distillation by `python -m opd.distill`."
    end = {name: value for name, value in json.loads(line).items() if name != "machine"}
    return card(title, summary, spec, parents, data, end)


def check_scores(run: Run, taught: TaughtTask, batch: TokenBatch, comparison: Comparison) -> None:
    """Score a few tokens of one sequence again, under the student and the teacher; see `opd.witness`."""
    key = f"witness/{run.spec.seed}/{taught.name}"
    rescore(run.student, batch, comparison.student.sampled_log_prob, key)
    temperature = run.spec.teacher_temperature
    rescore(taught.teacher, batch, comparison.teacher.sampled_log_prob, key, temperature)


def mean(values: list[float | None]) -> float | None:
    """The mean of the values, None if one of them is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def train(
    run: Run,
    taught: TaughtTask,
    batch: TokenBatch,
    comparison: Comparison,
    advantage: Tensor,
    mask: Tensor,
) -> Iterator[dict[str, float | None]]:
    """Update the student once per minibatch of whole sequences; yields each update's metrics.

    `comparison`, `advantage` (N,) and `mask` (N,) belong to the N positions of `batch`, before the first
    update.
    """
    spec = run.spec
    count = max(1, round(len(batch.tokens) / taught.rollout.minibatch_size))
    for index in range(count):
        # Every count-th sequence: minibatches are alike in length, and within one, lengths ascend.
        rows = torch.arange(index, len(batch.tokens), count, device=batch.tokens.device)
        chosen = torch.isin(batch.sequence, rows)
        part = batch.rows(rows)
        loss, moved = accumulate(
            run, taught.teacher, part, select(comparison, chosen), advantage[chosen], mask[chosen]
        )
        norm = update(run.student, [run.optimizer], spec.optimizer.clip_norm)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise FloatingPointError(f"the loss is {loss}, the gradient norm {norm}")
        yield {"loss": loss, "gradient_norm": norm, "clip_fraction": moved}


def accumulate(
    run: Run,
    teacher: PreTrainedModel,
    minibatch: TokenBatch,
    comparison: Comparison,
    advantage: Tensor,
    mask: Tensor,
) -> tuple[float, float | None]:
    """Add the minibatch's gradient to the student, a few sequences at a time.

    `mask` (N,) says how much a position counts; at 0 it is not evaluated. Returns the loss and, where
    the objective computes the normaliser, the share of tokens whose probability moved beyond PPO's
    clipping range. The gradient does not depend on how the minibatch is split.
    """
    spec, old = run.spec.objective, comparison.student.sampled_log_prob
    weights = position_weights(mask, minibatch.sequence, spec.reduction)
    teacher_head = head_of(teacher).at(run.spec.teacher_temperature)
    total, start, moved = 0.0, 0, []
    for part in minibatch.split(run.spec.tokens_per_forward):
        here = slice(start, start + len(part.sampled))
        start, counted = here.stop, mask[here] > 0
        if not counted.any():  # a short turn of a game may be markers alone
            continue
        losses, log_p = position_losses(
            spec, run.student, teacher_head, part, select(comparison, here), advantage[here], counted
        )
        loss = (weights[here][counted] * losses).sum()
        loss.backward()
        total += loss.item()
        if log_p is not None:
            moved.append(((log_p - old[here][counted]).exp() - 1).abs() > _CLIP_RANGE)
    return total, torch.cat(moved).float().mean().item() if moved else None


if __name__ == "__main__":
    main(
        *arguments(
            __doc__,
            DistillSpec,
            frozenset({"teachers"}),
            student="model folder to start from",
            teachers="model folder to learn each task of the spec from",
            out="run folder to write",
        )
    )
