"""Specs of the signal study. Loads no torch."""

from typing import Annotated

from pydantic import Field

from opd.spec import MaskSpec, RolloutSpec, SamplingSpec
from programs.spec import Count, OnlyRounding, Spec

SUBJECTS = {"teacher": "student", "respelled": "respelled"}
"""Role of a teacher -> subject of the estimates: the student under that teacher."""


class ScoringSpec(Spec):
    """What is sampled from a student and scored under a teacher: the first draw of a training run."""

    environment: str
    seed: int = Field(0, description="of the training run whose step 0 is drawn; see opd.tasks.problems")
    responses: Annotated[int, Field(ge=2)] = Field(
        256, description="training problems, one response each; they are what the intervals resample"
    )
    sampling: SamplingSpec
    markers: tuple[str, ...] = Field(
        MaskSpec().markers, min_length=1, description="their texts, whatever tokens spell them"
    )
    answer_after: str = Field(
        "</think>", description="what follows its last occurrence is the answer, which is planted again"
    )
    copies: Count = Field(8, description="times that the answer is planted after itself")
    tokens_per_forward: OnlyRounding[Count] = Field(
        2048, description="padded tokens in one forward pass; bounds memory and changes nothing else"
    )
    batch_size: OnlyRounding[Count] = Field(256, description="responses decoded at a time; bounds memory")
    recompute_layers: OnlyRounding[bool] = Field(
        False, description="for the gradient; a third more arithmetic, far less memory"
    )

    @property
    def rollout(self) -> RolloutSpec:
        """How a training run would sample it, in one step without an update."""
        return RolloutSpec(
            **self.sampling.model_dump(), prompts=self.responses, samples_per_prompt=1, minibatch_size=1
        )


class SignalSpec(Spec):
    """How stored scores are summarised."""

    scale_description: str = Field(description="printed on every figure")
    buckets: Count = Field(10, description="equal ranges of positions, from 0 to the token cap")


class FailureSpec(Spec):
    """Which responses are shown."""

    scale_description: str = Field(description="printed on the page")
    cases: Count = Field(2, description="responses that each rule picks from each student")
