"""Runs of `small.yaml`'s LSM on one GPU, with random weights, each with another switch of memory or engine.

    python -m tests.gpu_runs --out FOLDER none offload sleep

The student has the shape of Qwen2.5-1.5B, and so has the teacher, with other weights. Steps of 32 responses
of 256 tokens. Says of each step: tokens per second by phase, tensors' peak, mismatch of the engine's
log-probabilities with the trainer's; and of each run how the memory in use on the card went, and how much
more the host used than before. Without names of runs it makes the models alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from tabulate import tabulate

from eval.suites import training_sets
from opd import models
from opd.plan.shape import HUB
from tests.json_lines import read_lines
from workflows import rehearsal
from workflows.plan import merge
from workflows.scale import CONFIG, plan, read

SHAPE = HUB["Qwen/Qwen2.5-1.5B-Instruct"]
TORCH, VLLM = {"name": "torch", "memory_share": 0.4, "sleep": False}, {"name": "vllm", "memory_share": 0.3}
RUNS: dict[str, dict[str, Any]] = {
    "none": {},
    "recompute_layers": {"memory": {"recompute_layers": True}},
    "master_weights": {"memory": {"master_weights": True}},
    "offload": {"memory": {"offload": True}},
    "hold_gradients": {"memory": {"offload": True, "hold_gradients": True}},
    "pack_sequences": {"memory": {"pack_sequences": True}},
    "vllm": {"engine": VLLM | {"sleep": False}},
    "sleep": {"engine": VLLM | {"sleep": True}},
}
ROLLOUT = {"prompts": 8, "samples_per_prompt": 4, "minibatch_size": 16, "max_new_tokens": 256}
NO_MEMORY = dict.fromkeys(("master_weights", "recompute_layers", "offload"), False)


def main(out: Path, runs: list[str], steps: int) -> None:
    """Print after each run how its memory went, and the table of all steps so far."""
    make_models(out / "models")
    for suite in training_sets():
        rehearsal.write_suite(out / "data", suite)
    lines = []
    for name in runs:
        code, trace, host = distill(spec(name, steps), out, out / name)
        print(
            f"\n{name}: exit status {code}, GiB in use on the card (second: GiB) {trace}; host {host:.1f} GiB"
        )
        metrics = out / name / "metrics.jsonl"
        for record in read_lines(metrics) if metrics.exists() else []:
            lines.append({"run": name, "step": record["step"]} | record["machine"] | mismatches(record))
        print(tabulate(lines, headers="keys", tablefmt="github"), flush=True)


def make_models(folder: Path) -> None:
    """A student and a teacher."""
    if not (folder / "teacher/config.json").exists():
        tokenizer = rehearsal.build_tokenizer(config()["distill"]["vocabulary_size"])
        for number, name in enumerate(("student", "teacher")):
            models.save(rehearsal.build_model(SHAPE, tokenizer, number), tokenizer, folder / name)


def config() -> dict[str, Any]:
    """That of `small`, with less work and a rate at which weights in bfloat16 move."""
    changes = {
        "rollout": ROLLOUT,
        "engine": TORCH,
        "memory": NO_MEMORY,
        "optimizer": {"learning_rate": 1e-4},
        "uniform_teacher": "warn",
    }
    return merge(read([CONFIG / "small.yaml"]), {"distill": changes})


def spec(name: str, steps: int) -> str:
    """The recipe of a run, as JSON."""
    changed = merge(config(), {"distill": RUNS[name] | {"steps": steps}})
    return plan(changed).distill_spec("single_task", "lsm", 0).model_dump_json()


def distill(recipe: str, folder: Path, out: Path) -> tuple[int, str, float]:
    """(exit status, GiB in use on the card whenever they changed by one, most GiB on the host) of a run."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    teacher = f"math={folder}/models/teacher"
    command = ["-m", "opd.distill", "--spec", recipe, "--student", f"{folder}/models/student"]
    environment = os.environ | {"OPD_MATH_DATA": str(folder / "data")}
    started, trace, last = time.monotonic(), [], -1.0
    before = most = host_gib()
    with (out / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--teachers", teacher, "--out", str(out)],
            stdout=log,
            stderr=log,
            env=environment,
        )
        while process.poll() is None:
            used = gib_in_use()
            if abs(used - last) >= 1:
                trace.append(f"{time.monotonic() - started:.1f}: {used:.1f}")
                last = used
            most = max(most, host_gib())
            time.sleep(0.1)
    return process.returncode, ", ".join(trace), most - before


def host_gib() -> float:
    """In use on the whole machine: pinned memory need not count as the process's."""
    memory = psutil.virtual_memory()
    return (memory.total - memory.available) / 2**30


def gib_in_use() -> float:
    """What `nvidia-smi` says of the first card."""
    asked = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"]
    return float(subprocess.run(asked, capture_output=True, text=True, check=True).stdout) / 1024


def mismatches(record: dict[str, Any]) -> dict[str, float]:
    """A metrics line's, with what else tells whether training went on."""
    return {name: record[name] for name in ("mismatch_mean", "mismatch_max", "gap", "gradient_norm")}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write, 8 GB")
    parser.add_argument("--steps", type=int, default=3, help="(%(default)s)")
    parser.add_argument("runs", nargs="*", choices=RUNS, help="which")
    main(**vars(parser.parse_args()))
