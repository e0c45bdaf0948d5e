"""The warm start: a teacher's traces, and supervised training on them."""

from typing import Literal, Self

from pydantic import Field, model_validator

import envs
from opd.rollout import ENGINES
from opd.spec.sampling import SamplingSpec
from opd.spec.training import MemorySpec, OptimizerSpec
from programs.spec import Count, OnlyRounding, Spec


class TracesRecipe(Spec):
    """Which problems the teacher answers, and how."""

    environment: envs.Name
    seed: int
    traces: Count = Field(description="training problems, one response of the teacher each")
    sampling: SamplingSpec


class TracesSpec(TracesRecipe):
    """One job: a teacher answers training problems."""

    engine: Literal[ENGINES] = Field("torch", description="what decodes")  # type: ignore[valid-type]


class SftRecipe(Spec):
    """What decides the numbers of supervised training on traces."""

    seed: int
    keep: Literal["correct", "all"] = Field(
        description="train on traces that end by themselves with the right answer, or on all"
    )
    epochs: Count
    batch_size: Count = Field(description="sequences per update, whose tokens all count alike")
    optimizer: OptimizerSpec
    schedule: Literal["constant", "cosine"] = Field(
        "constant",
        description="the learning rate over the updates; cosine: to a fiftieth after the last",
    )


class SftSpec(SftRecipe):
    """One warm start, with what it may cost."""

    memory: MemorySpec = MemorySpec()
    tokens_per_forward: OnlyRounding[Count] = Field(
        description="padded tokens in one forward pass; bounds memory and changes nothing else"
    )
    checkpoint_every: OnlyRounding[Count] = Field(description="updates between checkpoints")

    @model_validator(mode="after")
    def _has_no_teacher(self) -> Self:
        if self.memory.shard_teachers:
            raise ValueError("a warm start holds no teacher; remove memory.shard_teachers")
        return self
