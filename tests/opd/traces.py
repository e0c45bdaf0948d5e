"""Traces and the spec of a warm start for tests."""

import json
import random
from pathlib import Path

from envs.tokenizer import build_tokenizer
from opd import models
from opd.spec import SftSpec
from workflows.plan import merge

SFT = {
    "seed": 0,
    "keep": "correct",
    "epochs": 3,
    "batch_size": 4,
    "optimizer": {"learning_rate": 0.01, "betas": (0.9, 0.999), "weight_decay": 0.0, "clip_norm": 1.0},
    "tokens_per_forward": 64,
    "checkpoint_every": 2,
}
KEPT = 9  # not a multiple of the batch: an epoch's last batch is one trace


def sft_spec(**changes) -> SftSpec:
    """The test spec with nested changes, such as `epochs=1`."""
    return SftSpec.model_validate(merge(SFT, changes))


def write_traces(folder: Path, vocabulary: int = 256) -> Path:
    """Eighteen traces of 2 to 30 random tokens, every other one right, as `opd.traces` writes them."""
    rng = random.Random(0)
    lines = [
        {
            "prompt": rng.choices(range(vocabulary), k=rng.randint(1, 8)),
            "response": rng.choices(range(vocabulary), k=rng.randint(1, 22)),
            "correct": trace % 2 == 0,
        }
        for trace in range(2 * KEPT)
    ]
    path = folder / "traces.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    made = {"spec": {"environment": "chain_arithmetic"}, "teacher": "a sum", "folder": "models/teacher/model"}
    made["tokenizer"] = models.tokenizer_sha256(build_tokenizer())
    path.with_suffix(".json").write_text(json.dumps({**made, "data": {"version": "1"}}))
    return path
