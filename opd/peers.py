"""A step of on-policy distillation here and in TRL, side by side: tokens per second, and peak memory.

    python -m opd.peers --student FOLDER --teacher FOLDER

Same weights, same prompts, 32 responses of at most 100 tokens at temperature 1, one AdamW update a step, one
CPU thread. A step here does more than TRL's: it verifies the answers and computes the diagnostics. TRL
compares whole vocabularies and has no top K, so the loss that both have, full reverse KL, stands beside
local support matching. Tokens are those that each generated; seconds are of this process's CPU, so that
other work on the machine does not count, without the first steps of a run.

Memory is the largest resident set of a process of its own, after two steps of models of the same shapes
with random weights and Qwen2.5's 151,936 token ids.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from tabulate import tabulate

import envs
from envs.tokenizer import build_tokenizer
from opd import distill, models, tasks
from opd.run.machine import peak_memory_mib
from opd.spec import ArchitectureSpec, DistillSpec
from programs.provenance import provenance

RESPONSES, CAP, TOP_K = 32, 100, 16
_TASK, _SEED = "chain_arithmetic", 0
_RATE, _BETAS, _CLIP = 3e-4, (0.9, 0.95), 1.0
_WARM_UP = 2  # steps
_TOKENS_PER_FORWARD = 768
_MICROBATCH = 4  # responses, in TRL: about as many padded tokens
_WIDE = 151_936
_SHAPES = {
    "student": ArchitectureSpec(hidden_size=64, intermediate_size=128, layers=2, heads=2),
    "teacher": ArchitectureSpec(hidden_size=96, intermediate_size=192, layers=3, heads=2),
}


@dataclass(frozen=True)
class Step:
    """What one step generated, and the CPU seconds that it took."""

    tokens: int
    seconds: float


Contestant = Callable[[Path, Path, int], list[Step]]
"""Runs so many steps from a student's and a teacher's folder."""


def here(objective: dict[str, Any]) -> Contestant:
    """The loop of `opd.distill` with an objective."""

    def run_steps(student: Path, teacher: Path, steps: int) -> list[Step]:
        spec = spec_of(objective, steps, models.load(student).config.vocab_size)
        loaded = {name: tasks.load(task) for name, task in spec.tasks.items()}
        run, taken = distill.start(spec, loaded, student, {_TASK: teacher}), []
        for step in range(steps):
            started = time.process_time()
            record = distill.distill_step(run, step)
            tokens = round(record["response_length"] * RESPONSES)
            taken.append(Step(tokens, time.process_time() - started))
        return taken

    return run_steps


def spec_of(objective: dict[str, Any], steps: int, vocabulary_size: int) -> DistillSpec:
    """The mini scale's setting, as TRL can do it: one update a step, of samples from all that is possible."""
    rollout: dict[str, float] = {"prompts": RESPONSES, "samples_per_prompt": 1, "minibatch_size": RESPONSES}
    rollout |= {"temperature": 1.0, "top_p": 1.0, "max_new_tokens": CAP}
    optimizer = {"learning_rate": _RATE, "betas": _BETAS, "weight_decay": 0.0, "clip_norm": _CLIP}
    return DistillSpec.model_validate(
        {
            "experiment": "peers",
            "method": objective["support"],
            "seed": _SEED,
            "tasks": {_TASK: {"environment": _TASK, "rollout": rollout}},
            "steps": steps,
            "vocabulary_size": vocabulary_size,
            "teacher_top_k": TOP_K,
            "objective": {"name": "reverse_kl", "reduction": "token_mean", **objective},
            "optimizer": optimizer,
            "tokens_per_forward": _TOKENS_PER_FORWARD,
            "checkpoint_every": steps,
        }
    )


def trl(microbatch: int = RESPONSES, tuned: bool = True) -> Contestant:
    """TRL's DistillationTrainer, which saves and reports nothing; see `trl_trainer`."""

    def run_steps(student: Path, teacher: Path, steps: int) -> list[Step]:
        with tempfile.TemporaryDirectory() as folder:
            trainer, seconds = trl_trainer(student, teacher, steps, microbatch, tuned, folder)
            trainer.train()
        lengths = [each["completions/mean_length"] for each in trainer.state.log_history if "loss" in each]
        return [Step(round(n * RESPONSES), took) for n, took in zip(lengths, seconds, strict=True)]

    return run_steps


def trl_trainer(
    student: Path, teacher: Path, steps: int, microbatch: int, tuned: bool, folder: str
) -> tuple[Any, list[float]]:
    """The trainer, and where it will leave the seconds of each step.

    Responses are generated all at once, and go forward and backward `microbatch` at a time. `tuned` is
    float32 with nothing recomputed, as here; else TRL's defaults, bfloat16 and gradient checkpointing.
    """
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback
    from trl import DistillationConfig, DistillationTrainer

    class Watch(TrainerCallback):
        """Takes the time from before the rollouts to after the optimiser's step."""

        def __init__(self) -> None:
            self.started = 0.0
            self.seconds: list[float] = []

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.started = time.process_time()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.seconds.append(time.process_time() - self.started)

    watch = Watch()
    settings = DistillationConfig(
        output_dir=folder,
        max_steps=steps,
        per_device_train_batch_size=microbatch,
        gradient_accumulation_steps=RESPONSES // microbatch,
        max_completion_length=CAP,
        temperature=1.0,
        top_p=1.0,
        beta=1.0,  # reverse KL
        learning_rate=_RATE,
        adam_beta1=_BETAS[0],
        adam_beta2=_BETAS[1],
        weight_decay=0.0,
        max_grad_norm=_CLIP,
        lr_scheduler_type="constant",
        seed=_SEED,
        shuffle_dataset=False,
        bf16=not tuned,
        gradient_checkpointing=not tuned,
        use_cpu=True,
        logging_steps=1,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = DistillationTrainer(
        model=models.load(student),
        teacher_model=models.load(teacher),
        args=settings,
        train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in prompts(steps)]),
        processing_class=models.load_tokenizer(student),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer, watch.seconds


def prompts(steps: int) -> list[list[dict[str, str]]]:
    """The prompts of so many steps as conversations, in the order in which the loop here takes them."""
    environment = envs.load(_TASK)
    problems = [p for step in range(steps) for p in environment.training_problems(_SEED, step, RESPONSES)]
    return [[{"role": "user", "content": problem.question}] for problem in problems]


LSM = {"support": "teacher_top_k", "outside": "renormalised"}
FULL = {"support": "vocabulary"}
CONTESTANTS: dict[str, Contestant] = {
    f"here, LSM (K = {TOP_K})": here(LSM),
    "here, full reverse KL": here(FULL),
    "TRL, its defaults": trl(tuned=False),
    "TRL, float32": trl(),
    f"TRL, float32, {_MICROBATCH} responses at a time": trl(_MICROBATCH),
}


def speed(
    contestants: dict[str, Contestant], student: Path, teacher: Path, repeats: int, steps: int
) -> list[dict[str, Any]]:
    """A table row per contestant, from runs in turns."""
    taken: dict[str, list[list[Step]]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, contestant in contestants.items():
            taken[name].append(contestant(student, teacher, _WARM_UP + steps)[_WARM_UP:])
    rates = {name: [rate(run) for run in runs] for name, runs in taken.items()}
    first = statistics.median(next(iter(rates.values())))
    return [
        {
            "loop": name,
            "tokens per step": round(sum(s.tokens for run in runs for s in run) / (repeats * steps)),
            "s per step": ranged([sum(s.seconds for s in run) / steps for run in runs], ".3f"),
            "tokens per s": ranged(rates[name], ".0f"),
            "of the first": f"{statistics.median(rates[name]) / first:.2f}",
        }
        for name, runs in taken.items()
    ]


def rate(steps: Sequence[Step]) -> float:
    """Tokens per CPU second of consecutive steps."""
    return sum(step.tokens for step in steps) / sum(step.seconds for step in steps)


def ranged(values: Sequence[float], form: str) -> str:
    """Median, lowest and highest."""
    return f"{statistics.median(values):{form}} [{min(values):{form}}, {max(values):{form}}]"


def memory(contestants: Sequence[str], student: Path, teacher: Path) -> list[dict[str, Any]]:
    """A table row per contestant, each in a process of its own."""
    command = [sys.executable, "-m", "opd.peers", "--student", str(student), "--teacher", str(teacher)]
    peaks = {}
    for name in contestants:
        ended = subprocess.run([*command, "--alone", name], check=True, capture_output=True, text=True)
        peaks[name] = json.loads(ended.stdout.splitlines()[-1])
    first = next(iter(peaks.values()))["peak MiB"]
    return [
        {"loop": name, **peak, "of the first": f"{peak['peak MiB'] / first:.2f}"}
        for name, peak in peaks.items()
    ]


def alone(name: str, student: Path, teacher: Path) -> None:
    """Two steps of one contestant; prints what they generated and this process's peak memory."""
    tokens = sum(step.tokens for step in CONTESTANTS[name](student, teacher, 2))
    print(json.dumps({"tokens per step": round(tokens / 2), "peak MiB": round(peak_memory_mib())}))


def write_wide(folder: Path) -> None:
    """A student and a teacher of the mini scale's shapes, with random weights and 151,936 token ids."""
    tokenizer = build_tokenizer(size=_WIDE)
    for seed, (name, shape) in enumerate(_SHAPES.items()):
        models.save(models.build(shape, tokenizer, seed), tokenizer, folder / name)


def main(student: Path, teacher: Path, repeats: int, steps: int) -> None:
    """Print both tables."""
    print(f"TRL {version('trl')}, torch {torch.__version__}, {provenance()['commit']}, one thread\n")
    rows = speed(CONTESTANTS, student, teacher, repeats, steps)
    print(f"{repeats} runs of {steps} steps each, in turns: median [lowest, highest]\n")
    print(tabulate(rows, headers="keys", tablefmt="github"), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        write_wide(Path(folder))
        wide = memory(list(CONTESTANTS), *(Path(folder, name) for name in _SHAPES))
    print(f"\nPeak memory at {_WIDE:,} token ids\n")
    print(tabulate(wide, headers="keys", tablefmt="github"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--student", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--teacher", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each (%(default)s)")
    parser.add_argument("--steps", type=int, default=5, help="measured steps of a run (%(default)s)")
    parser.add_argument("--alone", choices=CONTESTANTS, help="two steps of one, then its peak memory")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.alone:
        alone(given.alone, given.student, given.teacher)
    else:
        main(given.student, given.teacher, given.repeats, given.steps)
