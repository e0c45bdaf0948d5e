"""Bytes by component in each phase of a job, from the shapes of its models alone.

What models hold while they compute is in `opd.plan.activations`; here is what this repository's loss, scoring
and sharding hold. docs/planning.md has the sums beside measured peaks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from opd.plan import adapters
from opd.plan.activations import backward, forward_only, kept
from opd.plan.adapters import Adapters
from opd.plan.shape import Shape
from opd.plan.step import Step
from opd.spec import LoraSpec, MemorySpec, ObjectiveSpec, needs_support_only

Components = Mapping[str, int]
Phases = Mapping[str, Components]

# A tile of logits in opd.lm_head.tiles, and how many of that size a backward pass through it holds.
_TILE = 128 * 2**20
_TILES = 3
# Gathered rows in opd.lm_head.gather.
_BLOCK = 8 * 2**20


def scores(teachers: Sequence[Shape], objective: ObjectiveSpec, top_k: int, step: Step) -> int:
    """What is kept of every generated position of a step, if all reach the cap (a `Comparison`).

    Of both models their K most probable tokens; besides, over the vocabulary the teacher's hidden state, else
    ids and log-probabilities of the support.
    """
    of_both = 2 * (top_k * 12 + 12) + 4 * top_k
    if objective.support == "vocabulary":
        besides = max(teacher.width * teacher.hidden for teacher in teachers)
    else:
        slots = {"sampled": 0, "union": 2 * top_k}.get(objective.support, top_k)
        besides = 12 * (slots + objective.support.endswith("_and_sampled"))
    return step.rows * step.cap * (of_both + besides)


def head(shape: Shape, objective: ObjectiveSpec, top_k: int, step: Step, frozen: bool = False) -> int:
    """What the loss holds beside states and gradients.

    On a support alone, the head's gradient and the rows of some positions, as on a CPU (the Triton kernels
    hold less); else tiles of logits, of the teacher's too where the support is the vocabulary, and the head's
    gradient. A frozen head has none.
    """
    if needs_support_only(objective):
        rows = min(_BLOCK, 4 * step.positions * top_k * shape.hidden)
        return 2 * rows + (0 if frozen else head_gradient(shape))
    models = 2 if objective.support == "vocabulary" else 1
    return models * tiles(shape, step) if frozen else whole_head(shape, step, models)


def whole_head(shape: Shape, step: Step, models: int = 1) -> int:
    """Tiles of all logits, of as many models, beside the sum of the head's gradient, or that rounded."""
    return max(models * tiles(shape, step) + 4 * shape.head_matrix, head_gradient(shape))


def head_gradient(shape: Shape) -> int:
    """The head's gradient, summed in float32, and in the precision of the head if that is another."""
    return (4 if shape.width == 4 else 4 + shape.width) * shape.head_matrix


def tiles(shape: Shape, step: Step) -> int:
    """Tiles of logits, where a forward pass has so many of them."""
    return _TILES * min(_TILE, 4 * shape.vocabulary * step.positions)


@dataclass(frozen=True)
class Layout:
    """Where a run's weights rest, how it computes, who answers its prompts, and whether adapters are trained.

    `engine_bytes` are those that vLLM takes for itself; `engine_sleeps`: only while it is asked; `averaged`:
    the teacher is an average of the student (`opd.average`).
    """

    memory: MemorySpec
    ranks: int = 1
    engine: str = "torch"
    engine_bytes: int = 0
    engine_sleeps: bool = False
    lora: LoraSpec | None = None
    averaged: bool = False

    @property
    def sharded(self) -> bool:
        """Whether weights are gathered before they compute; see `opd.parallel.sharding`."""
        return self.ranks > 1 or self.masters or self.memory.offload

    @property
    def masters(self) -> bool:
        """Whether the student rests in float32; adapters alone do so in any case."""
        return self.memory.master_weights and self.lora is None

    def computing(self, shape: Shape) -> Shape:
        """The student as it computes."""
        return replace(shape, width=2) if self.memory.master_weights else shape

    def adapters(self, shape: Shape) -> Adapters | None:
        """What of the student is trained, if it is not all."""
        return adapters.of(shape, self.lora)

    def resting(self, shape: Shape) -> int:
        """Bytes of the student's weights at rest on the device, per rank."""
        return 0 if self.memory.offload else self._width(shape) * shape.parameters // self.ranks

    def offloaded(self, shape: Shape) -> int:
        """Bytes of the student's weights at rest on the host, per rank."""
        return self._width(shape) * shape.parameters // self.ranks if self.memory.offload else 0

    def trained(self, shape: Shape) -> int:
        """Bytes of what is trained, at rest on the device, as many as of its gradients and of a moment."""
        return 0 if self.memory.offload else self.trained_in_all(shape) // self.ranks

    def waiting(self, shape: Shape) -> int:
        """Bytes of gradients on the device in training: whole where they wait for an update's last pass."""
        return self.trained_in_all(shape) if self.memory.hold_gradients else self.trained(shape)

    def trained_in_all(self, shape: Shape) -> int:
        """Bytes of what is trained, of all ranks and wherever it rests."""
        added = self.adapters(shape)
        return 4 * added.parameters if added else self._width(shape) * shape.parameters

    def _width(self, shape: Shape) -> int:
        return 4 if self.masters else self.computing(shape).width


def student_state(shape: Shape, layout: Layout) -> Components:
    """What a student holds throughout its training, per rank."""
    trained = layout.trained(shape)
    adapted = trained if layout.lora else 0
    return {"student": layout.resting(shape) + adapted, "optimiser": 2 * trained}


def teacher_state(shape: Shape, layout: Layout) -> int:
    """A teacher's weights at rest; of a sharded one, the layers are spread and the rest is everywhere."""
    if not layout.memory.shard_teachers:
        return shape.weights
    layers = shape.width * shape.body_matrices
    return shape.weights - layers + layers // layout.ranks


def average(shape: Shape, layout: Layout) -> int:
    """Of a teacher in 16 bits that follows its student, what is averaged: a float32 copy, on every rank."""
    return 4 * shape.parameters if layout.averaged and shape.width < 4 else 0


def distillation(
    student: Shape,
    teachers: Sequence[Shape],
    steps: Sequence[Step],
    objective: ObjectiveSpec,
    top_k: int,
    layout: Layout,
) -> Phases:
    """A distillation run: its phases' components, each at its largest over the tasks' `steps`.

    Of one rank: `steps` are its parts."""
    learner = layout.computing(student)
    fixed = {
        **student_state(student, layout),
        "teachers": sum(teacher_state(teacher, layout) for teacher in teachers) + average(student, layout),
    }
    busy = {"engine": layout.engine_bytes}
    idle = {"engine": 0 if layout.engine_sleeps else layout.engine_bytes}
    whole = learner.weights if layout.sharded else 0
    taught = max(teacher.weights - teacher_state(teacher, layout) for teacher in teachers)
    models = [learner, *teachers]
    read = max(reading(model, step) for model in models for step in steps)
    stored = {"scores": max(scores(teachers, objective, top_k, step) for step in steps)}
    added = layout.adapters(learner)
    frozen = added is not None and not added.head
    heads = [head(learner, objective, top_k, step, frozen) for step in steps]
    learnt = learning(student, steps, layout, heads)
    waiting = {**fixed, **idle, **stored}
    torch_engine = steps if layout.engine == "torch" else []
    decoders: list[Components] = [decoder(learner, step, added is not None) for step in torch_engine]
    decoded: Components = max(decoders, key=total) if decoders else {}
    return {
        # vLLM has weights of its own; see opd.distill.whole_for_rollouts
        "rollout": {**fixed, **busy, "gathered": whole if torch_engine else 0, **decoded},
        "scoring": {
            **fixed,
            **idle,
            **stored,
            "gathered": whole + taught,
            "activations": read,
        },
        **{phase: {**waiting, **components} for phase, components in learnt.items()},
    }


def learning(student: Shape, steps: Sequence[Step], layout: Layout, heads: Sequence[int]) -> Phases:
    """Training and update, with the student's state; at its head a step holds the bytes of `heads`."""
    learner, recompute = layout.computing(student), layout.memory.recompute_layers
    added, trained = layout.adapters(learner), layout.trained(student)
    held = {**student_state(student, layout), "gradients": trained}
    training = {
        "gradients": layout.waiting(student),
        "gathered": in_passing(learner) if layout.sharded else 0,
        "activations": max(kept(learner, step, recompute, added) for step in steps),
        "backward": max(
            backward(learner, at_head, step, added) for at_head, step in zip(heads, steps, strict=True)
        ),
    }
    one_by_one = layout.sharded  # fused; see opd.optimizer.adamw
    return {"training": {**held, **training}, "update": {**held, "temporary": 0 if one_by_one else trained}}


def in_passing(shape: Shape) -> int:
    """Of a sharded student in training: embedding, head, a layer, their gradients, and one more layer."""
    ends = shape.head_matrix * (1 if shape.tied else 2)
    layer = shape.body_matrices // shape.layers
    return shape.width * (2 * ends + 3 * layer)


def reading(shape: Shape, step: Step) -> int:
    """The widest moment of scoring: a layer of a forward pass, or both models' states and the head."""
    states = 2 * shape.width * shape.hidden * step.positions
    return max(forward_only(shape, step), states + tiles(shape, step))


def decoder(shape: Shape, step: Step, adapted: bool = False) -> Components:
    """The torch engine's cache of all responses that are decoded together, and what it adds.

    All prompts are read at once, and a layer's keys and values repeated for every query head; of a small
    model most weights are copied instead (`opd.rollout.decoder`), all of one that is `adapted`.
    """
    cached = step.together * step.longest
    prompts = Step(step.together, step.together, step.prompt, 0, step.together * step.prompt)
    if shape.width == 4 and shape.hidden <= 512:
        repeated = shape.heads // shape.key_value_heads
        as_they_are = 0 if adapted else shape.layers * shape.hidden * (shape.query + shape.intermediate)
        copied = shape.width * (shape.body_matrices - as_they_are + shape.head_matrix)
        extra = forward_only(shape, prompts) + copied
        return {"cache": shape.cache * repeated * cached, "activations": extra}
    grouped = shape.heads > shape.key_value_heads
    repeats = 2 * shape.width * shape.query * cached if grouped else 0
    return {"cache": shape.cache * cached, "activations": max(forward_only(shape, prompts), repeats)}


def supervised(student: Shape, step: Step, layout: Layout) -> Phases:
    """A warm start, of one rank: `step` is its part of a batch."""
    learner = layout.computing(student)
    return learning(student, [step], layout, [whole_head(learner, step)])


def decoding(model: Shape, step: Step, engine: str) -> Phases:
    """Responses of a model as it is. vLLM pages its cache: one response must fit."""
    paged = {"cache": model.cache * step.longest}
    return {"rollout": {"student": model.weights, **(paged if engine == "vllm" else decoder(model, step))}}


def total(components: Components) -> int:
    """Bytes of all components together."""
    return sum(components.values())


def peak(phases: Phases) -> int:
    """Bytes of the largest phase."""
    return max(map(total, phases.values()))
