"""A step that can be tried: random models of a shape, random tokens, and the work of each phase.

Memory is measured on it (`opd.plan.measure`) and time (`opd.plan.profile`), through the code that runs.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from transformers import Qwen2Config, Qwen2ForCausalLM

from opd import lora
from opd.batch import TokenBatch, from_pairs
from opd.lm_head import head_of
from opd.loss import position_losses
from opd.models import device
from opd.optimizer import adamw, update
from opd.plan.shape import Shape
from opd.plan.step import Step
from opd.rollout.torch_engine import generate
from opd.scoring.compare import Comparison, compare, select
from opd.spec import LoraSpec, ObjectiveSpec, OptimizerSpec, SamplingSpec
from opd.training import counted_parts

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


def works(case: Case) -> dict[str, Callable[[], object]]:
    """The work of every phase, in order: a student and a teacher of the case's shape, one batch."""
    student, teacher = build(case.shape), build(case.shape).requires_grad_(False)
    batch = batch_of(case.step, case.shape.vocabulary).to(device())
    if case.lora:
        lora.adapt(student, case.lora, seed=0)
    spec = OptimizerSpec(learning_rate=1e-3, betas=(0.9, 0.999), weight_decay=0.01, clip_norm=1.0)
    optimizer = adamw(student, spec)
    optimizer.param_groups[0]["foreach"] = True  # as on a GPU
    scores: list[Comparison] = []

    def roll() -> None:
        prompts = [[1] * case.step.prompt] * case.step.together
        sampling = SamplingSpec(temperature=1.0, top_p=1.0, max_new_tokens=case.step.cap)
        generate(student, prompts, torch.rand(len(prompts), case.step.cap), sampling, (), 0)

    def score() -> None:
        scores[:] = [compare(student, teacher, batch, TOP_K, case.step.tokens, case.objective.support)]

    def train() -> None:
        everywhere = torch.ones(len(batch.sampled), dtype=torch.bool, device=device())
        advantage, head = everywhere.float(), head_of(teacher)
        for part, here, counted in counted_parts(batch, everywhere, case.step.tokens):
            known = select(scores[0], here)
            losses, _ = position_losses(case.objective, student, head, part, counted, known, advantage[here])
            (losses.sum() / len(batch.sampled)).backward()

    return {
        "rollout": roll,
        "scoring": score,
        "training": train,
        "update": lambda: update(student, [optimizer]),
    }
