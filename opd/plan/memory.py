"""Bytes by component in each phase of a job, from the shapes of its models alone.

The formulas count what the operations of transformers' Qwen2 keep for the backward pass, and what this
repository's loss and scoring hold. docs/planning.md has them beside measured peaks, which
`python -m opd.plan.measure` makes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opd.plan.shape import Shape
from opd.spec import ObjectiveSpec, needs_support_only

Components = Mapping[str, int]
Phases = Mapping[str, Components]

# A tile of logits in opd.lm_head.tiles, and how many of that size a backward pass through it holds.
_TILE = 128 * 2**20
_TILES = 3
# Gathered rows in opd.lm_head.gather.
_BLOCK = 8 * 2**20


@dataclass(frozen=True)
class Step:
    """Sizes of a step: `rows` responses of at most `cap` tokens to prompts of `prompt` tokens.

    `together` of them are decoded at a time; a forward pass has at most `tokens` padded tokens, or one row.
    """

    rows: int
    together: int
    prompt: int
    cap: int
    tokens: int = 0

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return self.prompt + self.cap

    @property
    def positions(self) -> int:
        """Most generated positions in a forward pass."""
        return self.padded * self.cap // self.longest

    @property
    def padded(self) -> int:
        """Most padded tokens in a forward pass."""
        return max(self.longest, self.tokens)


def layer_activations(shape: Shape, tokens: int, longest: int) -> int:
    """What a layer keeps for its backward pass, of `tokens` padded tokens in rows of `longest`.

    Per token: for two norms the input in float32, the normalised and the scaled vector; queries, keys and
    values (repeated for every query head, as there is padding), the attention's output; four vectors of the
    MLP. Padding makes attention keep its mask as numbers.
    """
    w = shape.width
    norms = 2 * (4 + 2 * w) * shape.hidden
    attention = w * 4 * shape.query + 4 * shape.heads
    mlp = 4 * w * shape.intermediate
    return tokens * (norms + attention + mlp + w * longest)


def activations(shape: Shape, step: Step, checkpointing: bool) -> int:
    """What a forward pass keeps for the backward pass, with what is around the layers.

    With checkpointing, the input of every layer, and all of one layer at a time.
    """
    w, tokens = shape.width, step.padded
    layer = layer_activations(shape, tokens, step.longest)
    inside = shape.layers * tokens * w * shape.hidden + layer if checkpointing else shape.layers * layer
    return inside + tokens * ((4 + 2 * w) * shape.hidden + 2 * w * shape.head_width + step.longest)


def backward(shape: Shape, objective: ObjectiveSpec, top_k: int, step: Step) -> int:
    """What the backward pass adds: the head's buffers first, a layer's gradients of its inputs after them."""
    layer = step.padded * shape.width * (2 * shape.intermediate + 2 * shape.hidden)
    return max(layer, head(shape, objective, top_k, step))


def forward_only(shape: Shape, step: Step) -> int:
    """The widest moment of a forward pass that keeps nothing: in the MLP of a layer or in its attention."""
    w = shape.width
    mlp = w * (3 * shape.intermediate + 3 * shape.hidden)
    attention = w * (4 * shape.query + 3 * shape.hidden + step.longest)
    return step.padded * (max(mlp, attention) + 2 * w * shape.head_width + step.longest)


def scores(shape: Shape, objective: ObjectiveSpec, top_k: int, step: Step) -> int:
    """What is kept of every generated position of a step, if all reach the cap (`opd.scoring.Comparison`)."""
    of_both = 2 * (top_k * 12 + 12) + 4 * top_k
    wide = {"vocabulary": shape.width * shape.hidden, "sampled": 0}.get(objective.support, 12 * top_k)
    return step.rows * step.cap * (of_both + wide)


def head(shape: Shape, objective: ObjectiveSpec, top_k: int, step: Step) -> int:
    """What the loss holds beside states and gradients.

    On a support alone, the head's gradient in float32 and in its own precision, and the rows of some
    positions, as on a CPU (the Triton kernels hold less); else tiles of logits, of the teacher's too where
    the support is the vocabulary, and a tile's gradient of the head.
    """
    if needs_support_only(objective):
        rows = min(_BLOCK, 4 * step.positions * top_k * shape.hidden)
        return (4 + shape.width) * shape.head_matrix + 2 * rows
    both = 2 if objective.support == "vocabulary" else 1
    return both * tiles(shape, step) + shape.width * shape.head_matrix


def tiles(shape: Shape, step: Step) -> int:
    """Tiles of logits, where a forward pass has so many of them."""
    return _TILES * min(_TILE, 4 * shape.vocabulary * step.positions)


@dataclass(frozen=True)
class Layout:
    """How a student is kept while it is trained."""

    checkpointing: bool = False  # of activations
    master_weights: bool = False  # float32 copies that AdamW updates, with float32 moments
    optimizer_on_host: bool = False
    ranks: int = 1  # over which the student is sharded


def student_state(shape: Shape, layout: Layout) -> Components:
    """What a student holds throughout its training, per rank."""
    moment = 4 if layout.master_weights else shape.width
    master = 4 if layout.master_weights else 0
    on_device = 0 if layout.optimizer_on_host else 1
    return {
        "student": shape.weights // layout.ranks,
        "optimiser": on_device * (2 * moment + master) * shape.parameters // layout.ranks,
    }


def distillation(
    student: Shape,
    teachers: Sequence[Shape],
    steps: Sequence[Step],
    objective: ObjectiveSpec,
    top_k: int,
    layout: Layout,
    engine: str,
) -> Phases:
    """A distillation run: its phases' components, each at its largest over the tasks' `steps`.

    The teachers are replicated. Activations and buffers are those of one rank, which works on `tokens`
    padded tokens at a time whatever the number of ranks.
    """
    fixed = {**student_state(student, layout), "teachers": sum(teacher.weights for teacher in teachers)}
    models = [student, *teachers]
    read = max(reading(model, step) for model in models for step in steps)
    stored = {"scores": max(scores(student, objective, top_k, step) for step in steps) // layout.ranks}
    kept = max(activations(student, step, layout.checkpointing) for step in steps)
    added = max(backward(student, objective, top_k, step) for step in steps)
    decoding_of_task = [decoder(student, step, engine) for step in steps]
    decoded: Components = max(decoding_of_task, key=total)
    gradients = {"gradients": student.weights // layout.ranks}
    temporary = 0 if layout.optimizer_on_host else student_state(student, layout)["optimiser"] // 2
    return {
        "rollout": {**fixed, **decoded},
        "scoring": {**fixed, **stored, "activations": read},
        "training": {**fixed, **stored, **gradients, "activations": kept, "backward": added},
        "update": {**fixed, **stored, **gradients, "temporary": temporary},
    }


def reading(shape: Shape, step: Step) -> int:
    """The widest moment of scoring: a layer of a forward pass, or both models' states and the head."""
    states = 2 * shape.width * shape.hidden * step.positions
    return max(forward_only(shape, step), states + tiles(shape, step))


def decoder(shape: Shape, step: Step, engine: str) -> Components:
    """The key-value cache of all responses that are decoded together, and what the decoder adds.

    `torch` reads all prompts at once and repeats a layer's keys and values for every query head; of a small
    model it copies most weights instead (`opd.rollout.decoder`). `vllm` pages its cache.
    """
    cached = step.together * step.longest
    if engine == "vllm":
        return {"cache": shape.cache * cached}
    prompts = Step(step.together, step.together, step.prompt, 0, step.together * step.prompt)
    if shape.width == 4 and shape.hidden <= 512:
        repeated = shape.heads // shape.key_value_heads
        as_they_are = shape.layers * shape.hidden * (shape.query + shape.intermediate)
        copied = shape.width * (shape.body_matrices - as_they_are + shape.head_matrix)
        extra = forward_only(shape, prompts) + copied
        return {"cache": shape.cache * repeated * cached, "activations": extra}
    grouped = shape.heads > shape.key_value_heads
    repeats = 2 * shape.width * shape.query * cached if grouped else 0
    return {"cache": shape.cache * cached, "activations": max(forward_only(shape, prompts), repeats)}


def supervised(student: Shape, teacher: Shape, sampling: Step, batch: Step) -> Phases:
    """A warm start on the teacher's traces: they are sampled first, then trained on a `batch` at a time."""
    state = student_state(student, Layout())
    training = {
        **state,
        "gradients": student.weights,
        "activations": activations(student, batch, checkpointing=False),
        "backward": tiles(student, batch) + student.width * student.head_matrix,
    }
    return {**decoding(teacher, sampling, "torch"), "training": training}


def decoding(model: Shape, step: Step, engine: str) -> Phases:
    """Responses of a model as it is."""
    return {"rollout": {"student": model.weights, **decoder(model, step, engine)}}


def total(components: Components) -> int:
    """Bytes of all components together."""
    return sum(components.values())


def peak(phases: Phases) -> int:
    """Bytes of the largest phase."""
    return max(map(total, phases.values()))
