"""Sample a student's responses and store what student and teacher think of every token.

    python -m studies.signal.score --spec SPEC --student FOLDER --teacher FOLDER --out FOLDER

SPEC is a `ScoringSpec` as JSON. The responses are those of a training run's first step, had it so many
problems, each asked once: the same student and spec give the same ones, whoever the teacher. FOLDER receives
tokens.parquet, responses.parquet, repetition.csv, prefix.csv, gradient.csv (`studies.signal.stored` explains
their columns) and manifest.json. The only part of the study that loads a model; everything else reads what
it stored.
"""

import json
from pathlib import Path

import pandas as pd
from transformers import PreTrainedModel, PreTrainedTokenizerBase

import envs
from opd import masks, models
from opd.batch import TokenBatch
from opd.experience import Experience
from opd.markers import token_texts
from opd.parallel import sharding
from opd.rollout.torch_engine import TorchEngine
from opd.scoring.compare import Comparison, compare
from opd.tasks.problems import Problems
from opd.vocabulary import refuse_other_tokens
from programs.command_line import arguments, launch
from programs.errors import UserError
from programs.provenance import provenance
from studies.signal.gradients import parameter_gradient, score_norms
from studies.signal.prefix import probe
from studies.signal.repetition import answers, repetition
from studies.signal.spec import ScoringSpec


def main(spec: ScoringSpec, student: Path, teacher: Path, out: Path) -> None:
    """Write all tables into `out`; see the module's docstring."""
    refuse_other_tokens(student, teacher)
    learner, guide = models.load(student), models.load(teacher).requires_grad_(False)
    if learner.config.vocab_size != guide.config.vocab_size:
        raise UserError(
            f"{student} has {learner.config.vocab_size} token ids and {teacher} {guide.config.vocab_size}; "
            "they must share one vocabulary"
        )
    if spec.recompute_layers:
        sharding.recompute_layers(learner)
    out.mkdir(parents=True, exist_ok=True)
    write(spec, learner, guide, models.load_tokenizer(student), out)
    fingerprints = {"student": models.fingerprint(student), "teacher": models.fingerprint(teacher)}
    manifest = {"spec": spec.model_dump(mode="json"), **fingerprints, **provenance()}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def write(
    spec: ScoringSpec,
    student: PreTrainedModel,
    teacher: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    out: Path,
) -> None:
    """Sample, score and store."""
    experience = sample(spec, student, tokenizer)
    batch, limit = experience.batch, spec.tokens_per_forward
    comparison = compare(student, teacher, batch, 1, limit, "sampled")

    tokens = token_table(experience, comparison, tokenizer)
    norms = score_norms(student, batch, limit).cpu().numpy()
    tokens["logit_gradient_norm"] = (tokens.log_q - tokens.log_p).abs() * norms
    tokens["marker"] = marker_column(batch, spec.markers, tokenizer)
    # Responses were scored by length; their numbers are those of the problems.
    tokens = tokens.sort_values(["response", "position"], ignore_index=True)
    tokens.to_parquet(out / "tokens.parquet", index=False)
    response_table(spec, experience).to_parquet(out / "responses.parquet", index=False)

    correct = (experience.reward > 0).tolist()
    planted = answers(batch, experience.episode.tolist(), correct, spec.answer_after, tokenizer)
    repeated = repetition(student, teacher, planted, spec.copies, limit)
    repeated.to_csv(out / "repetition.csv", index=False, float_format="%.6g")

    prefixes = probe(spec, teacher, tokenizer, experience)
    prefixes.to_csv(out / "prefix.csv", index=False)

    gradient = parameter_gradient(student, teacher, batch, comparison, limit)
    gradient.to_csv(out / "gradient.csv", index=False, float_format="%.6g")


def sample(spec: ScoringSpec, student: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Experience:
    """The responses of a training run's step 0, shortest first; `episode` is their number."""
    engine = TorchEngine(student, tokenizer, spec.batch_size)
    collected = Problems(spec.environment, spec.rollout).collect(engine, spec.seed, draw=0)
    return collected.shortest_first().to(student.device)


def token_table(
    experience: Experience, comparison: Comparison, tokenizer: PreTrainedTokenizerBase
) -> pd.DataFrame:
    """One line per generated token, in the order of the batch's positions."""
    batch = experience.batch
    p, q = comparison.student, comparison.teacher
    columns = {
        "response": experience.episode[batch.sequence],
        "position": batch.offset,
        "token": batch.sampled,
        "log_p": p.sampled_log_prob,
        "log_q": q.sampled_log_prob,
        "student_entropy": p.entropy,
        "teacher_entropy": q.entropy,
        "favourite_log_q": q.top_log_probs[:, 0],
    }
    table = pd.DataFrame({name: tensor.cpu().numpy() for name, tensor in columns.items()})
    table.insert(3, "text", token_texts(batch.sampled, tokenizer))
    table.insert(8, "favourite", token_texts(q.top_ids[:, 0], tokenizer))
    return table


def marker_column(
    batch: TokenBatch, markers: tuple[str, ...], tokenizer: PreTrainedTokenizerBase
) -> list[str]:
    """The complete marker that each generated token is part of, "" for none."""
    column = [""] * len(batch.sampled)
    for marker in markers:
        for place in (masks.spans(batch, [marker], tokenizer) == 0).nonzero()[:, 0].tolist():
            column[place] = marker
    return column


def response_table(spec: ScoringSpec, experience: Experience) -> pd.DataFrame:
    """One line per response, by number."""
    problems = envs.load(spec.environment).training_problems(spec.seed, 0, spec.responses)
    table = pd.DataFrame(
        {
            "response": experience.episode.tolist(),
            "correct": (experience.reward > 0).tolist(),
            "finished": experience.finished.tolist(),
            "tokens": experience.batch.lengths.tolist(),
        }
    ).sort_values("response", ignore_index=True)
    table.insert(1, "question", [problem.question for problem in problems])
    return table


if __name__ == "__main__":
    launch(
        main,
        *arguments(
            __doc__,
            ScoringSpec,
            student="model folder that writes the responses",
            teacher="model folder that scores them",
            out="folder to write",
        ),
    )
