"""Bytes that forward and backward passes hold, from what the operations of transformers' Qwen2 keep.

docs/planning.md has these formulas beside measured peaks, which `python -m opd.plan.measure` makes.
"""

from opd.plan.adapters import Adapters
from opd.plan.shape import Shape
from opd.plan.step import Step


def layer_activations(shape: Shape, tokens: int, longest: int, adapters: Adapters | None = None) -> int:
    """What a layer keeps for its backward pass, of `tokens` padded tokens in rows of `longest`.

    Per token: for two norms the input in float32, the normalised and the scaled vector; queries, keys and
    values (repeated for every query head, as there is padding), the attention's output; four vectors of the
    MLP. Padding makes attention keep its mask as numbers. Frozen weights need neither the normalised vector
    nor what they are multiplied with; adapters keep that in float32.
    """
    w = shape.width
    norms, mlp = 2 * (4 + 2 * w) * shape.hidden, 4 * w * shape.intermediate
    if adapters:
        norms, mlp = 2 * 4 * shape.hidden, 3 * w * shape.intermediate + adapters.kept(w)
    attention = w * 4 * shape.query + 4 * shape.heads
    return tokens * (norms + attention + mlp + w * longest)


def kept(shape: Shape, step: Step, checkpointing: bool, adapters: Adapters | None = None) -> int:
    """What a forward pass keeps for the backward pass, with what is around the layers.

    With checkpointing, the input of every layer, and all of one layer at a time.
    """
    w, tokens = shape.width, step.padded
    layer = layer_activations(shape, tokens, step.longest, adapters)
    inside = shape.layers * tokens * w * shape.hidden + layer if checkpointing else shape.layers * layer
    return inside + tokens * ((4 + 2 * w) * shape.hidden + 2 * w * shape.head_width + step.longest)


def backward(shape: Shape, head_bytes: int, step: Step, adapters: Adapters | None = None) -> int:
    """What the backward pass adds: the head's buffers first, a layer's gradients of its inputs after them."""
    width = 4 if adapters else shape.width
    return max(head_bytes, step.padded * width * (2 * shape.intermediate + 2 * shape.hidden))


def forward_only(shape: Shape, step: Step) -> int:
    """The widest moment of a forward pass that keeps nothing: in the MLP of a layer or in its attention."""
    w = shape.width
    mlp = w * (3 * shape.intermediate + 3 * shape.hidden)
    attention = w * (4 * shape.query + 3 * shape.hidden + step.longest)
    return step.padded * (max(mlp, attention) + 2 * w * shape.head_width + step.longest)
