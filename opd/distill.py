"""The on-policy distillation loop: sample, score, diagnose, update.

    python -m opd.distill --spec SPEC --student FOLDER --teacher FOLDER --out RUN_FOLDER

SPEC is a `DistillSpec` as JSON. RUN_FOLDER receives `model/`, `metrics.jsonl` (a line per step, see
`opd.metrics`) and `run.json`. A killed run continues from its last checkpoint when started again
with the same spec and models, and ends with the same numbers: all randomness is a function of
(seed, step), so a checkpoint needs no generator state.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim import Optimizer
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

import envs
from opd import checkpoint, models
from opd.accuracy import verified
from opd.advantages import advantages
from opd.batch import TokenBatch
from opd.diagnostics import diagnose
from opd.lm_head import head_of
from opd.loss import position_losses
from opd.machine import Stopwatch, peak_memory_mib
from opd.objectives import position_weights
from opd.optimizer import adamw, update
from opd.program import arguments
from opd.provenance import provenance
from opd.rollout.respond import respond
from opd.rollout.torch_engine import Rollouts
from opd.scoring import Comparison, compare, select
from opd.spec import DistillSpec

# A change of probability beyond which PPO clips; the range of the clip_fraction metric.
_CLIP_RANGE = 0.2


@dataclass
class Run:
    """Everything a step works on."""

    spec: DistillSpec
    environment: envs.Environment
    tokenizer: PreTrainedTokenizerBase
    student: PreTrainedModel
    teacher: PreTrainedModel
    optimizer: Optimizer


def main(spec: DistillSpec, student: Path, teacher: Path, out: Path) -> None:
    """Distil `teacher` into `student` for `spec.steps` steps; see the module's docstring."""
    out.mkdir(parents=True, exist_ok=True)
    run = start(spec, student, teacher)
    recipe = json.dumps([spec.model_dump(), models.fingerprint(student), models.fingerprint(teacher)])
    saved = out / "checkpoint.pt"
    lines = resume(run, checkpoint.load(saved, recipe))

    with (out / "metrics.jsonl").open("w") as log:
        log.writelines(lines)
        for step in tqdm(range(len(lines), spec.steps), desc=f"{spec.method} seed {spec.seed}", disable=None):
            previous = lines[-1] if lines else "none"
            lines.append(json.dumps(distill_step(run, step, previous)) + "\n")
            log.write(lines[-1])
            log.flush()
            if (step + 1) % spec.checkpoint_every == 0 and step + 1 < spec.steps:
                checkpoint.save(saved, recipe, state(run, lines))

    models.save(run.student, run.tokenizer, out / "model")
    manifest = {"spec": spec.model_dump(), "model": models.fingerprint(out / "model"), **provenance()}
    (out / "run.json").write_text(json.dumps(manifest, indent=2) + "\n")
    saved.unlink(missing_ok=True)


def start(spec: DistillSpec, student: Path, teacher: Path) -> Run:
    """Load both models and check that they can be compared token by token."""
    learner, guide = models.load(student), models.load(teacher).requires_grad_(False)
    for folder, model in ((student, learner), (teacher, guide)):
        if model.config.vocab_size != spec.vocabulary_size:
            raise ValueError(
                f"{folder} has {model.config.vocab_size} token ids, the spec says "
                f"{spec.vocabulary_size}; student and teacher must share one vocabulary"
            )
    return Run(
        spec=spec,
        environment=envs.load(spec.environment),
        tokenizer=models.load_tokenizer(student),
        student=learner,
        teacher=guide,
        optimizer=adamw(learner, spec.optimizer),
    )


def resume(run: Run, saved: dict | None) -> list[str]:
    """Put a checkpoint's state into the run; returns the metrics lines of the steps already done."""
    if saved is None:
        return []
    run.student.load_state_dict(saved["student"])
    run.optimizer.load_state_dict(saved["optimizer"])
    print(f"resuming after step {len(saved['metrics'])}", flush=True)
    return saved["metrics"]


def state(run: Run, lines: list[str]) -> dict:
    """What a checkpoint holds; the number of lines is the step to continue with."""
    return {
        "student": run.student.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "metrics": lines,
    }


def distill_step(run: Run, step: int, previous: str) -> dict:
    """One step: sample, score, diagnose, update. Returns its metrics line.

    Raises FloatingPointError with `previous`, the last line, if the loss or gradient is not finite.
    """
    spec, watch = run.spec, Stopwatch()
    with watch("rollout"):
        problems, rollouts = sample(run, step)
    batch = rollouts.batch
    with watch("scoring"):
        comparison = compare(
            run.student,
            run.teacher,
            batch,
            spec.teacher_top_k,
            spec.tokens_per_forward,
            spec.objective.support,
            spec.objective.nucleus_mass or 1.0,
            spec.objective.advantage.baseline,
        )
    metrics = diagnose(batch, rollouts.finished, comparison, spec.rollout.max_new_tokens)
    correct = verified(rollouts, problems, run.tokenizer, run.environment)
    outcome = torch.tensor(correct, device=batch.tokens.device).float()[batch.sequence]
    with watch("training"):
        advantage = advantages(spec.objective.advantage, comparison, batch.sequence, outcome)
        updates = list(train(run, batch, comparison, advantage, f"step {step}", previous))
    tokens = len(batch.sampled)
    return {
        "step": step,
        **{name: mean([update[name] for update in updates]) for name in updates[0]},
        "rollout_accuracy": sum(correct) / len(correct),
        **metrics,
        "machine": {**watch.rates(tokens), "peak_memory_mib": peak_memory_mib()},
    }


def mean(values: list[float | None]) -> float | None:
    """The mean of the values, None if one of them is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def sample(run: Run, step: int) -> tuple[list[envs.Problem], Rollouts]:
    """The step's problems and the student's responses, shortest sequence first.

    Methods that share a seed see the same problems and the same random streams.
    """
    spec = run.spec
    drawn = run.environment.training_problems(spec.seed, step, spec.rollout.prompts)
    problems = [problem for problem in drawn for _ in range(spec.rollout.samples_per_prompt)]
    keys = [f"rollout/{spec.seed}/{step}/{row}" for row in range(len(problems))]
    questions = [problem.question for problem in problems]
    rollouts = respond(run.student, run.tokenizer, questions, keys, spec.rollout)
    order = rollouts.batch.attention.sum(-1).argsort(stable=True)
    return [problems[row] for row in order.tolist()], rollouts.rows(order)


def train(
    run: Run, batch: TokenBatch, comparison: Comparison, advantage: Tensor, where: str, previous: str
) -> Iterator[dict[str, float | None]]:
    """Update the student once per minibatch of whole sequences; yields each update's metrics.

    `comparison` and `advantage` (N,) belong to the N positions of `batch`, before the first update.
    """
    spec, count = run.spec, run.spec.optimizer.minibatches
    for index in range(count):
        # Every count-th sequence: minibatches are alike in length, and within one, lengths ascend.
        rows = torch.arange(index, len(batch.tokens), count, device=batch.tokens.device)
        chosen = torch.isin(batch.sequence, rows)
        part = batch.rows(rows)
        mask = torch.ones(len(part.sampled), device=batch.tokens.device)
        loss, moved = accumulate(run, part, select(comparison, chosen), advantage[chosen], mask)
        norm = update(run.student, [run.optimizer], spec.optimizer.clip_norm)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise FloatingPointError(
                f"{where}: {spec.method} has loss {loss} and gradient norm {norm}. "
                f"Last finite values: {previous.strip()}"
            )
        yield {"loss": loss, "gradient_norm": norm, "clip_fraction": moved}


def accumulate(
    run: Run, minibatch: TokenBatch, comparison: Comparison, advantage: Tensor, mask: Tensor
) -> tuple[float, float | None]:
    """Add the minibatch's gradient to the student, a few sequences at a time.

    `mask` (N,) says how much a position counts; at 0 it is not evaluated. Returns the loss and, where
    the objective computes the normaliser, the share of tokens whose probability moved beyond PPO's
    clipping range. The gradient does not depend on how the minibatch is split.
    """
    spec, old = run.spec.objective, comparison.student.sampled_log_prob
    weights = position_weights(mask, minibatch.sequence, spec.reduction)
    total, start, moved = 0.0, 0, []
    for part in minibatch.split(run.spec.tokens_per_forward):
        here = slice(start, start + len(part.sampled))
        counted = mask[here] > 0
        losses, log_p = position_losses(
            spec, run.student, head_of(run.teacher), part, select(comparison, here), advantage[here], counted
        )
        loss = (weights[here][counted] * losses).sum()
        loss.backward()
        total += loss.item()
        start = here.stop
        if log_p is not None:
            moved.append(((log_p - old[here][counted]).exp() - 1).abs() > _CLIP_RANGE)
    return total, torch.cat(moved).float().mean().item() if moved else None


if __name__ == "__main__":
    main(
        *arguments(
            __doc__,
            DistillSpec,
            student="model folder to start from",
            teacher="model folder to learn from",
            out="run folder to write",
        )
    )
