"""How weights are updated, what answers the prompts meanwhile, and what memory may cost."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from opd.rollout import ENGINES
from programs.spec import Count, OnlyRounding, Probability, Rate, Spec, Weight

Beta = Annotated[float, Field(ge=0, lt=1)]


class OptimizerSpec(Spec):
    """AdamW with gradient clipping."""

    learning_rate: Rate
    betas: tuple[Beta, Beta]
    weight_decay: Weight
    clip_norm: Rate


class LoraSpec(Spec):
    """Low-rank adapters that are trained in the place of the student's weights; see `opd.lora`."""

    rank: Count
    alpha: Count = Field(32, description="the adapter's product counts alpha / rank times")
    targets: Literal["all-linear"] | tuple[str, ...] = Field(
        "all-linear",
        min_length=1,
        description="ends of the adapted layers' names, such as q_proj; all-linear: every one but the head",
    )


class EngineSpec(Spec):
    """What answers the prompts while training; see docs/rollouts.md.

    `torch` is the student itself. `vllm` has a copy of its weights, renewed before every step.
    """

    name: Literal[ENGINES] = "torch"  # type: ignore[valid-type]
    tensor_parallel: OnlyRounding[Count] = Field(1, description="GPUs that share one copy of the weights")
    memory_share: OnlyRounding[Probability] = Field(
        0.4, description="of a GPU's memory, for the copy of the weights and the key-value cache"
    )
    sleep: OnlyRounding[bool] = Field(
        False, description="give that memory back while the student is trained; not on every platform"
    )
    mismatch_limit: OnlyRounding[Rate | None] = Field(
        None,
        description="nats between the engine's and the trainer's log-probabilities of sampled tokens, mean "
        "over a step, beyond which the run stops; null: 0.01 in float32, 0.1 in 16 bits",
    )

    @model_validator(mode="after")
    def _knobs_are_used(self) -> Self:
        for knob in ("tensor_parallel", "memory_share", "sleep"):
            if self.name == "torch" and getattr(self, knob) != type(self).model_fields[knob].default:
                raise ValueError(f"engine torch would ignore {knob}; remove it or write name: vllm")
        return self


class MemorySpec(Spec):
    """Ways to need less device memory, at a cost in time or rounding; see `opd.parallel`. Off by default.

    `master_weights` is more than rounding for a student in bfloat16, which loses small updates without.
    """

    master_weights: bool = Field(
        False,
        description="the student's weights, gradients and optimiser in float32, its forward and backward "
        "pass in bfloat16; false: all in the dtype that it was saved in",
    )
    recompute_layers: OnlyRounding[bool] = Field(
        False, description="keep only the layers' inputs for the backward pass: activation checkpointing"
    )
    offload: OnlyRounding[bool] = Field(
        False, description="the student's weights, gradients and optimiser rest in the host's memory"
    )
    hold_gradients: OnlyRounding[bool] = Field(
        False,
        description="with offload: gradients wait on the device, whole, until an update's last pass; else "
        "each pass adds its own to those on the host",
    )
    pack_sequences: OnlyRounding[bool] = Field(
        False,
        description="score and train on the sequences of a forward pass in one row, without padding: for "
        "responses of very different lengths",
    )
    shard_teachers: OnlyRounding[bool] = Field(
        False, description="teachers rest in parts, one a process; false: each process holds them whole"
    )

    @model_validator(mode="after")
    def _held_gradients_are_offloaded(self) -> Self:
        if self.hold_gradients and not self.offload:
            raise ValueError("memory.hold_gradients changes nothing without memory.offload; remove it")
        return self
