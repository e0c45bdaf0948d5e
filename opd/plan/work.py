"""Tokens, operations and seconds of the phases of a job, from shapes and stated assumptions.

Operations: two per weight and token in a forward pass, four more in the backward pass, and four per layer,
query width and token that is looked at. Decoding reads all weights once per token of every sequence that is
decoded together, and the cache of all of them: on a GPU that, not arithmetic, is its time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from opd.plan.devices import (
    BANDWIDTH_SHARE,
    COPY_BYTES_PER_S,
    HOST_BYTES_PER_S,
    SCORING_SHARE,
    TRAINING_SHARE,
    Device,
)
from opd.plan.shape import Shape
from opd.plan.step import Step
from opd.spec import MemorySpec, ObjectiveSpec, needs_support_only

# Mean length of a response, as a share of its cap, where no run has measured it; and of a prompt, as a share
# of the longest.
MEAN_LENGTH = 0.5
MEAN_PROMPT = 0.5
# Seconds to launch the operations of a layer for one token, in transformers' code: some twenty of 40
# microseconds each. An assumption.
_LAYER_S = 0.0008
# Operations per weight of the head and token in training: logits made twice, and two products backwards.
_HEAD_PASSES = 8
# How often an update goes through as many bytes as are trained. Clipping reads the gradient twice and writes
# it; AdamW reads four tensors and writes three where it is fused, as on the host, else some twenty in all.
_FUSED_PASSES = 10
_PASSES = 24


@dataclass(frozen=True)
class Phase:
    """Generated tokens, operations, and bytes read where reading is what takes the time.

    `copied` are bytes from the host or to it, meanwhile; `on_host` those through its memory, afterwards.
    """

    tokens: int
    operations: float
    bytes_read: float = 0.0
    share: float = SCORING_SHARE
    least_s: float = 0.0
    copied: float = 0.0
    on_host: float = 0.0

    def seconds(self, device: Device, rate: float | None = None) -> float:
        """On one device; from a measured rate in tokens per second if there is one."""
        if rate:
            return self.tokens / rate
        computing = self.operations / (device.tera_operations_per_s * 1e12 * self.share)
        reading = self.bytes_read / (device.terabytes_per_s * 1e12 * BANDWIDTH_SHARE)
        copying = self.copied / COPY_BYTES_PER_S
        return max(computing, reading, copying, self.least_s) + self.on_host / HOST_BYTES_PER_S


_COUNTED = ("tokens", "operations", "bytes_read", "least_s", "copied", "on_host")


def forward(shape: Shape, tokens: float, context: float) -> float:
    """Operations of the layers on that many tokens, each of which looks at `context` others on average."""
    return tokens * (2 * shape.body_matrices + 4 * shape.layers * shape.query * context)


def sizes(step: Step, length: float) -> tuple[float, float, float]:
    """Generated tokens, tokens in all, and how many others a token looks at, on average."""
    generated, read = step.rows * step.cap * length, step.rows * step.prompt * MEAN_PROMPT
    return generated, generated + read, (generated + read) / step.rows / 2


def rollout(shape: Shape, step: Step, engine: str, length: float = MEAN_LENGTH) -> Phase:
    """Responses of mean length `length` times the cap, `step.together` at a time.

    A batch decodes until its longest response has ended, at the cap. Only where more wait, vLLM starts
    another in the place of each that ends. `torch` launches every operation from Python.
    """
    generated, tokens, _ = sizes(step, length)
    context = step.prompt * MEAN_PROMPT + step.cap * length / 2
    operations = forward(shape, tokens, context)
    operations += generated * 2 * shape.head_matrix
    batches = step.rows / min(step.together, step.rows)
    refilled = engine == "vllm" and batches > 1
    rounds = batches * step.cap * (length if refilled else 1)
    read = rounds * shape.weights + generated * context * shape.cache
    least = rounds * shape.layers * _LAYER_S if engine == "torch" else 0.0
    return Phase(round(generated), operations, read, least_s=least)


def rollout_in_rounds(shape: Shape, step: Step, engine: str, length: float = MEAN_LENGTH) -> Phase:
    """Responses of which `step.together` are asked for at once and all awaited, as in the turns of games."""
    once = rollout(shape, replace(step, rows=step.together), engine, length)
    return times(once, step.rows / step.together)


def scoring(student: Shape, teacher: Shape, step: Step, length: float = MEAN_LENGTH) -> Phase:
    """A forward pass of both models over prompts and responses, and all their logits at the responses."""
    generated, tokens, context = sizes(step, length)
    layers = forward(student, tokens, context) + forward(teacher, tokens, context)
    heads = generated * 2 * (student.head_matrix + teacher.head_matrix)
    return Phase(round(generated), layers + heads)


def training(
    shape: Shape,
    teacher: Shape,
    objective: ObjectiveSpec,
    checkpointing: bool,
    step: Step,
    length: float = MEAN_LENGTH,
    frozen: bool = False,
) -> Phase:
    """As `supervised`, but on a support alone the head costs nothing to speak of.

    Over the vocabulary the teacher's logits are made, too, and in the backward pass once more.
    Frozen weights, under adapters, have no gradient to compute; the adapters' own products are few.
    """
    whole, (generated, tokens, _) = supervised(shape, checkpointing, step, length), sizes(step, length)
    spared = 2 * tokens * shape.body_matrices if frozen else 0.0
    if needs_support_only(objective):
        spared += generated * _HEAD_PASSES * shape.head_matrix
    elif frozen:
        spared += generated * 2 * shape.head_matrix
    logits = 4 * generated * teacher.head_matrix if objective.support == "vocabulary" else 0
    return replace(whole, operations=whole.operations - spared + logits)


def supervised(shape: Shape, checkpointing: bool, step: Step, length: float = MEAN_LENGTH) -> Phase:
    """Forward and backward pass, the former twice with checkpointing; all logits at the responses twice."""
    generated, tokens, context = sizes(step, length)
    layers = (4 if checkpointing else 3) * forward(shape, tokens, context)
    operations = layers + generated * _HEAD_PASSES * shape.head_matrix
    return Phase(round(generated), operations, share=TRAINING_SHARE)


def passes(step: Step, updates: int, length: float = MEAN_LENGTH) -> int:
    """Forward passes in training on a step, each over whole sequences of one of its minibatches."""
    _, tokens, _ = sizes(step, length)
    rows = max(1, math.floor(step.padded / (tokens / step.rows)))
    return updates * math.ceil(step.rows / updates / rows)


def update(trained: int, memory: MemorySpec, passes: int) -> Phase:
    """An update of so many bytes after so many passes, in AdamW.

    Offloaded, it is made on the host, to which gradients go once if they are held, else with every pass,
    to be added to those of the passes before: two tensors read, one written.
    """
    if memory.offload:
        moved = 1 if memory.hold_gradients else passes
        added = 3 * (moved - 1)
        return Phase(0, 0, copied=moved * trained, on_host=(_FUSED_PASSES + added) * trained)
    return Phase(0, 0, bytes_read=_PASSES * trained)


def times(phase: Phase, count: float) -> Phase:
    """The same, that often."""
    counted = {name: getattr(phase, name) * count for name in _COUNTED}
    return replace(phase, **counted | {"tokens": round(phase.tokens * count)})


def seconds(phases: Mapping[str, Phase], device: Device, rates: Mapping[str, float]) -> float:
    """All phases, one after the other, on one device."""
    return sum(phase.seconds(device, rates.get(name)) for name, phase in phases.items())


def together(phases: Sequence[Phase]) -> Phase:
    """The sum of phases of one kind."""
    return replace(phases[0], **{name: sum(getattr(phase, name) for phase in phases) for name in _COUNTED})
