"""SFT warm start: train the student on responses sampled from the teacher.

    python -m opd.sft --spec SPEC --student FOLDER --teacher FOLDER --out MODEL_FOLDER

SPEC is an `SftSpec` as JSON; `keep` says whether only traces with the right answer are used.
"""

import math
import random
from collections.abc import Mapping
from pathlib import Path

from torch.optim import AdamW
from transformers import PreTrainedTokenizerBase

import envs
from opd import models
from opd.accuracy import verified
from opd.batch import from_pairs
from opd.card import card, model_name
from opd.optimizer import update
from opd.program import arguments
from opd.progress import progress
from opd.rollout import TRACES_TOGETHER
from opd.rollout.respond import respond
from opd.spec import SftSpec
from opd.supervised import cross_entropy


def main(spec: SftSpec, student: Path, teacher: Path, out: Path) -> None:
    """Sample traces, train on those that are kept for `spec.epochs`, save to `out`."""
    tokenizer = models.load_tokenizer(student)
    pairs = sample_traces(spec, teacher, tokenizer)
    print(f"kept {len(pairs)} of {spec.traces} teacher traces", flush=True)
    if not pairs:
        raise ValueError("the teacher gave no correct trace to train on; check it or raise `traces`")

    model = models.load(student)
    optimizer = AdamW(model.parameters(), lr=spec.learning_rate, weight_decay=0.0)
    rng = random.Random(f"sft/{spec.seed}")
    updates = spec.epochs * math.ceil(len(pairs) / spec.batch_size)
    with progress(total=updates, desc=f"sft {model_name(out)}", unit="update") as bar:
        for _ in range(spec.epochs):
            rng.shuffle(pairs)
            for start in range(0, len(pairs), spec.batch_size):
                batch = from_pairs(pairs[start : start + spec.batch_size], tokenizer.pad_token_id)
                loss = cross_entropy(model, batch)
                loss.backward()
                update(model, [optimizer])
                bar.update()
    end = {"traces": len(pairs), "loss": loss.item()}
    models.save(model, tokenizer, out, describe(spec, student, teacher, end, model_name(out)))


def describe(spec: SftSpec, student: Path, teacher: Path, end: Mapping[str, float], name: str) -> str:
    """The model's card."""
    summary = "A student trained on its teacher's responses by `python -m opd.sft`."
    roles = {"student": student, "teacher": teacher}
    parents = {role: (model_name(f), models.fingerprint(f)) for role, f in roles.items()}
    environment = envs.load(spec.environment)
    data = {spec.environment: environment.describe(environment.training_set)}
    return card(name, summary, spec, parents, data, end)


def sample_traces(
    spec: SftSpec, teacher: Path, tokenizer: PreTrainedTokenizerBase
) -> list[tuple[list[int], list[int]]]:
    """(prompt ids, response ids) of the teacher's responses to training problems that are kept."""
    environment, model, pairs = envs.load(spec.environment), models.load(teacher), []
    # Step -1 is a place in the training stream that no distillation step uses.
    problems = environment.training_problems(spec.seed, -1, spec.traces)
    starts = range(0, spec.traces, TRACES_TOGETHER)
    for start in progress(starts, desc=f"{TRACES_TOGETHER} traces at a time"):
        part = problems[start : start + TRACES_TOGETHER]
        keys = [f"sft/{spec.seed}/{start + row}" for row in range(len(part))]
        questions = [problem.question for problem in part]
        responses = respond(model, tokenizer, questions, keys, spec.sampling).responses()
        kept = [True] * len(part)
        if spec.keep == "correct":
            kept = verified(responses, part, tokenizer, environment)
        pairs += [(each.prompt, each.tokens) for each, keep in zip(responses, kept, strict=True) if keep]
    return pairs


if __name__ == "__main__":
    main(
        *arguments(
            __doc__,
            SftSpec,
            student="model folder to start from",
            teacher="model folder that writes the traces",
            out="model folder to write",
        )
    )
