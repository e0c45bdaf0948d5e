"""The planner's memory estimates against measured peaks, through the code that runs.

    python -m opd.plan.measure

Models are small on a CPU, and have the shapes of Qwen2.5-1.5B and 7B on a GPU, with random weights. Measured
is the peak of what a phase made: of live tensors, as torch's dispatcher sees them, or of the GPU's allocator.
Prints a Markdown table; docs/planning.md has the last one.
"""

import argparse
from collections.abc import Sequence

import torch

from opd.models import device
from opd.plan import memory
from opd.plan.memory import Layout
from opd.plan.shape import HUB, Shape
from opd.plan.step import Step
from opd.plan.trial import FULL, LSM, SAMPLED, TOP_K, Case, works
from opd.run.machine import peak_bytes
from opd.spec import LoraSpec, MemorySpec

# Widths in the proportions of Qwen2.5-1.5B and 7B, so that no component hides behind another.
_GROUPED = Shape(4096, 256, 1344, 3, 8, 2, 32, tied=False, width=2)
_TIED = Shape(4096, 192, 1120, 4, 6, 2, 32, tied=True, width=4)
_STEP = Step(rows=8, together=8, prompt=16, cap=80, tokens=768)
_LONG = Step(rows=2, together=2, prompt=16, cap=368, tokens=768)
_LORA = LoraSpec(rank=16)

ON_CPU = [
    Case("LSM, bfloat16", _GROUPED, LSM, _STEP),
    Case("LSM, bfloat16, long", _GROUPED, LSM, _LONG),
    Case("sampled token, bfloat16", _GROUPED, SAMPLED, _STEP),
    Case("full reverse KL, bfloat16", _GROUPED, FULL, _STEP),
    Case("LSM, float32, tied head", _TIED, LSM, _STEP),
    Case("sampled token, float32, tied head", _TIED, SAMPLED, _LONG),
    Case("LSM, bfloat16, LoRA", _GROUPED, LSM, _STEP, _LORA),
    Case("sampled token, bfloat16, LoRA", _GROUPED, SAMPLED, _STEP, _LORA),
    Case("LSM, float32, tied head, LoRA", _TIED, LSM, _STEP, _LORA),
]

_SMALL, _LARGE = HUB["Qwen/Qwen2.5-1.5B-Instruct"], HUB["Qwen/Qwen2.5-7B-Instruct"]
_REAL = Step(rows=16, together=16, prompt=128, cap=256, tokens=6144)
ON_GPU = [
    Case("1.5B, LSM", _SMALL, LSM, _REAL),
    Case("1.5B, sampled token", _SMALL, SAMPLED, _REAL),
    Case("1.5B, full reverse KL", _SMALL, FULL, _REAL),
    Case("1.5B, LSM, LoRA", _SMALL, LSM, _REAL, _LORA),
    Case("7B, LSM", _LARGE, LSM, _REAL),
]


def phases(case: Case) -> list[tuple[str, int, int]]:
    """(phase, estimated, measured) bytes of each phase, without the weights, which are exact."""
    estimated = memory.distillation(
        case.shape, [case.shape], [case.step], case.objective, TOP_K, Layout(MemorySpec(), lora=case.lora)
    )
    held = {"student", "teachers", "optimiser"}
    expected = {
        phase: sum(size for name, size in components.items() if name not in held)
        for phase, components in estimated.items()
    }
    # Training finds the scores made; the update finds the gradients, and makes the optimiser's state.
    expected["training"] -= estimated["training"]["scores"]
    expected["update"] = estimated["update"]["optimiser"] + estimated["update"]["temporary"]
    work = works(case)
    once = work["training"]
    # Twice, so that the second pass finds gradients.
    work["training"] = lambda: (once(), once())
    return [(phase, expected[phase], peak_bytes(do, device())) for phase, do in work.items()]


def main(cases: Sequence[Case]) -> None:
    """Print the table."""
    print("| case | phase | estimated MiB | measured MiB | ratio |\n|---|---|---|---|---|")
    for case in cases:
        for phase, estimated, measured in phases(case):
            sizes = f"{estimated / 2**20:.1f} | {measured / 2**20:.1f} | {estimated / measured:.2f}"
            print(f"| {case.name} | {phase} | {sizes} |", flush=True)


if __name__ == "__main__":
    argparse.ArgumentParser(
        prog="python -m opd.plan.measure",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    torch.set_num_threads(1)
    main(ON_GPU if device().type == "cuda" else ON_CPU)
