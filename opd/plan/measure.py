"""The planner's memory estimates against measured peaks, through the code that runs.

    python -m opd.plan.measure

Models are small on a CPU, and have the shapes of Qwen2.5-1.5B and 7B on a GPU, with random weights. Measured
is the peak of what a phase made: of live tensors, as torch's dispatcher sees them, or of the GPU's allocator.
Prints a Markdown table; docs/planning.md has the last one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from transformers import Qwen2Config, Qwen2ForCausalLM

from opd import lora
from opd.batch import TokenBatch, from_pairs
from opd.lm_head import head_of
from opd.lm_head.benchmark import peak_bytes
from opd.loss import position_losses
from opd.models import device
from opd.optimizer import adamw, update
from opd.plan import memory
from opd.plan.memory import Layout
from opd.plan.shape import HUB, Shape
from opd.plan.step import Step
from opd.rollout.torch_engine import generate
from opd.scoring import Comparison, compare
from opd.spec import LoraSpec, MemorySpec, ObjectiveSpec, OptimizerSpec, SamplingSpec

LSM = ObjectiveSpec(
    name="reverse_kl", support="teacher_top_k", outside="renormalised", reduction="token_mean"
)
SAMPLED = ObjectiveSpec(name="policy_gradient", support="sampled", reduction="token_mean")
FULL = ObjectiveSpec(name="reverse_kl", support="vocabulary", reduction="token_mean")
TOP_K = 32


@dataclass(frozen=True)
class Case:
    """A model, how it is trained, and a step's sizes."""

    name: str
    shape: Shape
    objective: ObjectiveSpec
    step: Step
    lora: LoraSpec | None = None


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


def config(shape: Shape) -> Qwen2Config:
    """A shape as transformers describes it."""
    return Qwen2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        tie_word_embeddings=shape.tied,
    )


def build(shape: Shape) -> Qwen2ForCausalLM:
    """A random model of a shape."""
    with device():
        model: nn.Module = Qwen2ForCausalLM(config(shape))
    return model.to(torch.bfloat16 if shape.width == 2 else torch.float32).eval()  # type: ignore[return-value]


def batch_of(step: Step, vocabulary: int) -> TokenBatch:
    """Random tokens: one response at the cap, the others a little shorter, so that there is padding."""
    generator = torch.Generator().manual_seed(0)
    pairs = []
    for row in range(step.rows):
        ids = torch.randint(vocabulary, (step.longest - row % 4,), generator=generator).tolist()
        pairs.append((ids[: step.prompt], ids[step.prompt :]))
    return from_pairs(pairs, 0)


def phases(case: Case) -> list[tuple[str, int, int]]:
    """(phase, estimated, measured) bytes of each phase, without the weights, which are exact."""
    student, teacher = build(case.shape), build(case.shape).requires_grad_(False)
    batch, kept = batch_of(case.step, case.shape.vocabulary).to(device()), {}
    if case.lora:
        lora.adapt(student, case.lora, seed=0)
    spec = OptimizerSpec(learning_rate=1e-3, betas=(0.9, 0.999), weight_decay=0.01, clip_norm=1.0)
    optimizer = adamw(student, spec)
    optimizer.param_groups[0]["foreach"] = True  # as on a GPU

    def score() -> None:
        kept["comparison"] = compare(student, teacher, batch, TOP_K, case.step.tokens, case.objective.support)

    def train() -> None:
        train_once(case, student, teacher, batch, kept["comparison"])

    def roll() -> None:
        prompts = [[1] * case.step.prompt] * case.step.together
        sampling = SamplingSpec(temperature=1.0, top_p=1.0, max_new_tokens=case.step.cap)
        generate(student, prompts, torch.rand(len(prompts), case.step.cap), sampling, -1, 0)

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
    works = {"rollout": roll, "scoring": score, "training": train}
    measured = {phase: peak_bytes(work, device()) for phase, work in works.items()}
    measured["update"] = peak_bytes(lambda: update(student, [optimizer]), device())
    return [(phase, expected[phase], measured[phase]) for phase in measured]


def train_once(
    case: Case, student: Qwen2ForCausalLM, teacher: Qwen2ForCausalLM, batch: TokenBatch, known: Comparison
) -> None:
    """Two forward and backward passes over the batch, so that the second one finds gradients."""
    everywhere = torch.ones(len(batch.sampled), dtype=torch.bool, device=device())
    advantage = everywhere.float()
    for _ in range(2):
        losses, _ = position_losses(
            case.objective, student, head_of(teacher), batch, known, advantage, everywhere
        )
        losses.mean().backward()


def main(cases: Sequence[Case]) -> None:
    """Print the table."""
    print("| case | phase | estimated MiB | measured MiB | ratio |\n|---|---|---|---|---|")
    for case in cases:
        for phase, estimated, measured in phases(case):
            sizes = f"{estimated / 2**20:.1f} | {measured / 2**20:.1f} | {estimated / measured:.2f}"
            print(f"| {case.name} | {phase} | {sizes} |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(ON_GPU if device().type == "cuda" else ON_CPU)
