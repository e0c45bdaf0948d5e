"""Where the time of a distillation step goes, by phase: rates, and shares of what the device can do.

    python -m opd.plan.profile --device h200                 Qwen2.5's shapes, 1.5B and 7B
    python -m opd.plan.profile --device h200 --models 7B --rows 32 --cap 1024

Random weights and tokens, a teacher of the student's shape, local support matching, the `torch` engine, all
responses at the cap; with --models tiny, a model for trying the program. The second of two steps is timed.
Operations are counted as the planner counts them (`opd.plan.work`), and --device names the card of its table
whose data sheet they are compared with: bfloat16 arithmetic, and for rollouts, which wait for memory, the
bytes of weights and cache. Prints a Markdown table.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace

import torch

from opd.models import device
from opd.plan import work
from opd.plan.devices import DEVICES, Device
from opd.plan.shape import HUB, Shape
from opd.plan.step import Step
from opd.plan.trial import LSM, Case, works
from opd.plan.work import Phase
from opd.run.machine import Stopwatch

MODELS = {
    "tiny": Shape(512, 64, 128, 2, 2, 1, 32, tied=False, width=4),
    "1.5B": HUB["Qwen/Qwen2.5-1.5B-Instruct"],
    "7B": HUB["Qwen/Qwen2.5-7B-Instruct"],
}
COLUMNS = ("model", "phase", "seconds", "share of step", "tokens per s", "TFLOP", "of peak", "peak MiB")


def counted(case: Case) -> dict[str, Phase]:
    """Tokens, operations and bytes of the phases, as the planner counts them; the update is neither."""
    # The planner takes the mean prompt for shorter than the longest; here all are as long.
    shape, step = case.shape, replace(case.step, prompt=round(case.step.prompt / work.MEAN_PROMPT))
    return {
        "rollout": work.rollout(shape, step, "torch", length=1.0),
        "scoring": work.scoring(shape, shape, step, length=1.0),
        "training": work.training(shape, shape, case.objective, False, step, length=1.0),
    }


def timed(case: Case) -> dict[str, tuple[float, float]]:
    """(seconds, peak MiB) of each phase of the second step; the peak on a CPU is the process's so far."""
    phases = works(case)
    for _ in range(2):
        watch = Stopwatch()
        for name, do in phases.items():
            with watch(name):
                do()
    return {name: (watch.seconds[name], watch.peak_mib[name]) for name in phases}


def rows(
    name: str, took: Mapping[str, tuple[float, float]], phases: Mapping[str, Phase], card: Device
) -> list[dict[str, str]]:
    """The table's lines of a model."""
    whole, lines = sum(s for s, _ in took.values()), []
    for phase, (s, peak) in took.items():
        line = dict.fromkeys(COLUMNS, "-")
        line |= {"model": name, "phase": phase, "seconds": f"{s:.3f}", "peak MiB": f"{peak:.0f}"}
        line["share of step"] = f"{100 * s / whole:.0f} %"
        if known := phases.get(phase):
            line |= {"tokens per s": f"{known.tokens / s:.0f}", "TFLOP": f"{known.operations / 1e12:.2f}"}
            line["of peak"] = share(known, s, card)
        lines.append(line)
    return lines


def share(phase: Phase, s: float, card: Device) -> str:
    """What part of the data sheet's arithmetic a phase reached, or of its bandwidth if it decodes."""
    if phase.bytes_read:
        return f"{100 * phase.bytes_read / s / card.terabytes_per_s / 1e12:.0f} % of bandwidth"
    return f"{100 * phase.operations / s / card.tera_operations_per_s / 1e12:.0f} % of arithmetic"


def main(options: argparse.Namespace) -> None:
    """Print the table."""
    step = Step(options.rows, options.rows, options.prompt, options.cap, options.tokens)
    card = DEVICES[options.device]
    print(f"{step}, compared with one {card.name}, run on {device().type}, torch {torch.__version__}\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name in options.models:
        case = Case(name, MODELS[name], LSM, step)
        for line in rows(name, timed(case), counted(case), card):
            print(f"| {' | '.join(line[column] for column in COLUMNS)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=DEVICES, required=True, help="the card of the comparison")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["1.5B", "7B"])
    parser.add_argument("--rows", type=int, default=16, help="responses, decoded together")
    parser.add_argument("--prompt", type=int, default=128, help="tokens of a prompt")
    parser.add_argument("--cap", type=int, default=256, help="tokens of a response")
    parser.add_argument("--tokens", type=int, default=6144, help="most padded tokens of a scoring pass")
    main(parser.parse_args())
