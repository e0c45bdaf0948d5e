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
from opd.batch import TokenBatch
from opd.diagnostics import diagnose
from opd.machine import Stopwatch, peak_memory_mib
from opd.objectives import objective, position_weights, renormalise
from opd.optimizer import adamw, update
from opd.program import arguments
from opd.provenance import provenance
from opd.rollout.sampling import uniforms
from opd.rollout.torch_engine import Rollouts, generate
from opd.scoring import Scores, log_probs, score
from opd.spec import DistillSpec, ObjectiveSpec

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
    run = Run(
        spec=spec,
        environment=envs.load(spec.environment),
        tokenizer=models.load_tokenizer(student),
        student=models.load(student),
        teacher=models.load(teacher).requires_grad_(False),
        optimizer=None,  # type: ignore[arg-type]
    )
    run.optimizer = adamw(run.student, spec.optimizer)
    for folder, model in ((student, run.student), (teacher, run.teacher)):
        if model.config.vocab_size != spec.vocabulary_size:
            raise ValueError(
                f"{folder} has {model.config.vocab_size} token ids, the spec says "
                f"{spec.vocabulary_size}; student and teacher must share one vocabulary"
            )
    return run


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
        limits = spec.teacher_top_k, spec.tokens_per_forward
        full = spec.objective.support == "vocabulary"
        teacher = score(run.teacher, batch, *limits, keep_vocabulary=full)
        student = score(run.student, batch, *limits, at=teacher.top_ids)
    metrics = diagnose(batch, rollouts.finished, student, teacher, spec.rollout.max_new_tokens)
    correct = verified(rollouts, problems, run.tokenizer, run.environment)
    with watch("training"):
        updates = list(train(run, batch, teacher, student.sampled_log_prob, f"step {step}", previous))
    tokens = len(batch.sampled)
    return {
        "step": step,
        **{name: sum(u[name] for u in updates) / len(updates) for name in updates[0]},
        "rollout_accuracy": sum(correct) / len(correct),
        **metrics,
        "machine": {**watch.rates(tokens), "peak_memory_mib": peak_memory_mib()},
    }


def sample(run: Run, step: int) -> tuple[list[envs.Problem], Rollouts]:
    """The step's problems and the student's responses, shortest sequence first.

    Methods that share a seed see the same problems and the same random streams.
    """
    spec = run.spec
    drawn = run.environment.training_problems(spec.seed, step, spec.rollout.prompts)
    problems = [problem for problem in drawn for _ in range(spec.rollout.samples_per_prompt)]
    keys = [f"rollout/{spec.seed}/{step}/{row}" for row in range(len(problems))]
    rollouts = generate(
        run.student,
        [models.prompt_ids(run.tokenizer, problem.question) for problem in problems],
        uniforms(keys, spec.rollout.max_new_tokens),
        spec.rollout,
        run.tokenizer.eos_token_id,
        run.tokenizer.pad_token_id,
    )
    order = rollouts.batch.attention.sum(-1).argsort(stable=True)
    return [problems[row] for row in order], rollouts.rows(order)


def train(
    run: Run, batch: TokenBatch, teacher: Scores, old: Tensor, where: str, previous: str
) -> Iterator[dict[str, float]]:
    """Update the student once per minibatch of whole sequences; yields each update's metrics.

    `old` (N,) holds the log-probabilities of the sampled tokens under the student that sampled.
    """
    spec, count = run.spec, run.spec.optimizer.minibatches
    for index in range(count):
        # Every count-th sequence: minibatches are alike in length, and within one, lengths ascend.
        rows = torch.arange(index, len(batch.tokens), count, device=batch.tokens.device)
        chosen = torch.isin(batch.sequence, rows)
        loss, moved = accumulate(run, batch.rows(rows), teacher.at(chosen), old[chosen])
        norm = update(run.student, [run.optimizer], spec.optimizer.clip_norm)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise FloatingPointError(
                f"{where}: {spec.method} has loss {loss} and gradient norm {norm}. "
                f"Last finite values: {previous.strip()}"
            )
        yield {"loss": loss, "gradient_norm": norm, "clip_fraction": moved}


def accumulate(run: Run, minibatch: TokenBatch, teacher: Scores, old: Tensor) -> tuple[float, float]:
    """Add the minibatch's gradient to the student, a few sequences at a time.

    Returns the loss and the share of tokens whose probability moved beyond PPO's clipping range.
    The gradient does not depend on how the minibatch is split.
    """
    objective_spec = run.spec.objective
    mask = torch.ones_like(old)
    weights = position_weights(mask, minibatch.sequence, objective_spec.reduction)
    total, moved, start = 0.0, 0.0, 0
    for part in minibatch.split(run.spec.tokens_per_forward):
        log_p = log_probs(run.student, part)
        sampled = log_p.gather(-1, part.sampled[:, None])[:, 0]
        here = slice(start, start + len(sampled))
        losses = position_loss(objective_spec, log_p, sampled, teacher.at(here), old[here])
        loss = (weights[here] * losses).sum()
        loss.backward()
        total += loss.item()
        moved += (((sampled.detach() - old[here]).exp() - 1).abs() > _CLIP_RANGE).sum().item()
        start += len(sampled)
    return total, moved / len(old)


def position_loss(
    spec: ObjectiveSpec, log_p: Tensor, sampled: Tensor, teacher: Scores, old: Tensor
) -> Tensor:
    """(N,) loss of the spec's objective on its support.

    `log_p` (N, V) student log-probabilities, `sampled` and `old` (N,) those of the sampled token
    now and when it was drawn.
    """
    function = objective(spec.name)
    if spec.support == "sampled":
        return function(sampled, old, teacher.sampled_log_prob, **spec.options)
    if spec.support == "vocabulary":
        return function(log_p, teacher.log_probs, **spec.options)
    log_p, log_q = log_p.gather(-1, teacher.top_ids), teacher.top_log_probs
    if spec.renormalise:
        log_p, log_q = renormalise(log_p), renormalise(log_q)
    return function(log_p, log_q, **spec.options)


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
