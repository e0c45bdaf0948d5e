"""SFT warm start: train the student on traces of a teacher, as `python -m opd.traces` wrote them.

    python -m opd.sft --spec SPEC --student FOLDER --traces TRACES.jsonl --out RUN_FOLDER

SPEC is an `SftSpec` as JSON; `keep` says whether only traces with the right answer are used. RUN_FOLDER is
that of `opd.run.loop`; a step is an update. Under torchrun several processes share every update, each with a
device of its own; see `opd.parallel`.
"""

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from opd import learner, models
from opd.batch import TokenBatch, from_pairs
from opd.learner import Learner
from opd.optimizer import set_learning_rate, warmup_cosine
from opd.parallel import passes, ranks, sharding
from opd.parallel.sharding import gathered
from opd.run.card import card, model_name
from opd.run.loop import Loop
from opd.run.machine import Stopwatch
from opd.spec import SftSpec
from opd.supervised.losses import token_losses
from programs.command_line import arguments, launch
from programs.errors import UserError


@dataclass(frozen=True)
class Run:
    """Everything an update works on: `traces` are lines of the file, `updates` numbers of traces."""

    spec: SftSpec
    traces: Sequence[str]
    updates: Sequence[Sequence[int]]
    student: Learner


def main(spec: SftSpec, student: Path, traces: Path, out: Path) -> None:
    """Train on the traces that are kept for `spec.epochs`; see the module's docstring."""
    made, kept = made_by(traces, student), kept_lines(spec, traces)
    out.mkdir(parents=True, exist_ok=True)
    ranks.join(alone=sharding.needed(spec.memory))
    run = start(spec, student, kept)
    mark = ranks.from_first(lambda: models.fingerprint(student))
    made_from = {"student": (model_name(student), mark)}
    learnt = hashlib.sha256("".join(kept).encode()).hexdigest()
    recipe = json.dumps([spec.recipe(), mark, learnt, made["tokenizer"]])
    loop = Loop("opd.sft", out, spec, f"sft {out.name}", "sft", len(run.updates), spec.checkpoint_every)
    loop.run(recipe, run.student, partial(update, run))
    with gathered(run.student.root):
        if ranks.first():
            card_of = partial(describe, spec, made_from, made, len(kept), out.name)
            loop.finish(run.student, card_of)
        ranks.wait()


def made_by(traces: Path, student: Path) -> dict[str, Any]:
    """What the file beside the traces says of them; UserError if their ids are not the student's tokens."""
    beside = traces.with_suffix(".json")
    if not beside.exists():
        raise UserError(f"{beside} is missing; `python -m opd.traces` writes it beside the traces")
    made = json.loads(beside.read_text())
    if made["tokenizer"] != models.tokenizer_sha256(models.load_tokenizer(student)):
        raise UserError(f"{traces} was made for another tokenizer than that of {student}; make it again")
    return made


def kept_lines(spec: SftSpec, traces: Path) -> list[str]:
    """The lines of the traces to train on; UserError if there are none.

    As text: the ids of thousands of long responses as Python's integers would fill the host's memory.
    """
    with traces.open() as file:
        kept = [line for line in file if spec.keep == "all" or json.loads(line)["correct"]]
    if not kept:
        raise UserError("the teacher gave no correct trace to train on; check it or raise `traces`")
    return kept


def start(spec: SftSpec, student: Path, kept: Sequence[str]) -> Run:
    """Load the student and order the traces."""
    return Run(spec, kept, orders(spec, len(kept)), learner.load(student, spec))


def orders(spec: SftSpec, traces: int) -> list[list[int]]:
    """The traces of every update, by number: epoch after epoch, each in an order of its own."""
    rng, order, updates = random.Random(f"sft/{spec.seed}"), list(range(traces)), []
    for _ in range(spec.epochs):
        rng.shuffle(order)
        updates += [order[first : first + spec.batch_size] for first in range(0, traces, spec.batch_size)]
    return updates


def update(run: Run, step: int) -> dict[str, Any]:
    """One update of the student; returns its metrics line.

    Raises FloatingPointError if the loss or gradient is not finite.
    """
    spec, watch = run.spec, Stopwatch()
    factor = warmup_cosine(step, len(run.updates), 0) if spec.schedule == "cosine" else 1.0
    set_learning_rate(run.student.optimizer, factor * spec.optimizer.learning_rate)
    with watch("training"):
        batch = batch_of(run, step)
        loss = accumulate(run, batch)
        norm = run.student.update(loss)
    return {
        "step": step,
        "task": "sft",
        "loss": loss,
        "gradient_norm": norm,
        "response_length": len(batch.sampled) / len(batch.tokens),
        "machine": {
            **watch.rates(len(batch.sampled)),
            "peak_memory_mib": ranks.largest(watch.peak_mib["training"]),
        },
    }


def batch_of(run: Run, step: int) -> TokenBatch:
    """All sequences of an update, shortest first, so that little padding is computed on."""
    records = [json.loads(run.traces[number]) for number in run.updates[step]]
    pairs = [(record["prompt"], record["response"]) for record in records]
    pairs.sort(key=lambda pair: len(pair[0]) + len(pair[1]))
    return from_pairs(pairs, models.padding_id(run.student.tokenizer))


def accumulate(run: Run, batch: TokenBatch) -> float:
    """Add the gradient of the mean of the batch's token losses to the student; returns that mean.

    Every rank has the whole batch and takes its part of it, a few sequences at a time. The gradient does not
    depend on how the batch is divided.
    """
    tokens = len(batch.sampled)
    # Neighbours in length go to different ranks. In an epoch's last batch a rank may find nothing.
    own = batch.rows(torch.arange(len(batch.tokens))[ranks.rank() :: ranks.count()]).to(models.device())

    def loss_of(part: TokenBatch) -> Tensor:
        return token_losses(run.student.model, part).sum() / tokens

    parts = replace(own, packed=run.spec.memory.pack_sequences).split(run.spec.tokens_per_forward)
    loss = passes.accumulate(run.student.root, [partial(loss_of, part) for part in parts])
    return ranks.total(torch.tensor(loss, dtype=torch.float64)).item()


def describe(
    spec: SftSpec,
    made_from: Mapping[str, tuple[str, str]],
    traces: Mapping[str, Any],
    kept: int,
    name: str,
    end: Mapping[str, Any],
) -> str:
    """The model's card; `traces` is what their file says of them, `end` what the last update measured."""
    summary = "A student trained on its teacher's responses by `python -m opd.sft`."
    parents = {**made_from, "teacher": (model_name(Path(traces["folder"])), traces["teacher"])}
    data = {traces["spec"]["environment"]: traces["data"]}
    return card(name, summary, spec, parents, data, {"traces": kept, **end})


if __name__ == "__main__":
    launch(
        main,
        *arguments(
            __doc__,
            SftSpec,
            student="model folder to start from",
            traces="JSON Lines file of the teacher's traces",
            out="run folder to write",
        ),
    )
