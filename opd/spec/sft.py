"""The warm start."""

from typing import Literal

from pydantic import Field

from opd.spec.base import Count, Rate, Spec
from opd.spec.sampling import SamplingSpec


class SftSpec(Spec):
    """Warm start: the student is trained on traces sampled from the teacher."""

    environment: str
    seed: int
    traces: Count = Field(description="teacher responses sampled")
    keep: Literal["correct", "all"] = Field(
        description="train on traces that end by themselves with the right answer, or on all"
    )
    sampling: SamplingSpec
    epochs: Count
    batch_size: Count = Field(description="sequences per optimiser step")
    learning_rate: Rate
