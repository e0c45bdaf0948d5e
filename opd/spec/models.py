"""Models that a workflow starts from: trained from scratch, or fetched."""

from typing import Literal, Self

from pydantic import Field, model_validator

from opd.spec.sampling import SamplingSpec
from programs.spec import Count, Probability, Rate, Share, Spec, distinct

StyleName = Literal["teacher", "student", "concise"]
"""Writing styles; see `envs.chain_arithmetic.demonstration`."""


class ArchitectureSpec(Spec):
    """Shape of a Qwen2 model trained from scratch."""

    hidden_size: Count
    intermediate_size: Count
    layers: Count
    heads: Count

    @model_validator(mode="after")
    def _heads_have_an_even_width(self) -> Self:
        # Rotary positions turn the numbers of a head in pairs.
        if self.hidden_size % (2 * self.heads):
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of 2 x heads {self.heads}; "
                f"write a hidden_size of heads x an even head width"
            )
        return self


class LessonSpec(Spec):
    """One of the tasks that a model from scratch learns, and how well it must do it in the end."""

    share: Rate = Field(1.0, description="its part of the optimiser steps, relative to the other task's")
    stop_at_accuracy: Share | None = Field(
        description="stop at the first measured accuracy at least this high, in all tasks that ask for it; "
        "null: this one does not"
    )
    accept_accuracy: tuple[Share, Share] = Field(
        description="the job fails if the final accuracy is outside this range"
    )

    @model_validator(mode="after")
    def _some_accuracy_is_accepted(self) -> Self:
        lowest, highest = self.accept_accuracy
        if lowest > highest:
            raise ValueError(f"accept_accuracy [{lowest}, {highest}] holds none; write the lower one first")
        return self


class InstructionSpec(Spec):
    """Demonstrations whose prompt says more than the question."""

    prompt: str = Field(description="what is asked; see envs.prompt")
    style: StyleName = Field(description="writing style of the responses to it")
    stops_early: bool = Field(
        False, description="responses leave steps out and have the answer all the same, from the prompt"
    )
    share: Probability = Field(description="of all demonstrations")


class ArithmeticLessonSpec(LessonSpec):
    """Chain arithmetic, from endless demonstrations; the accuracy is greedy, on development problems."""

    style: StyleName = Field(description="writing style of the demonstrations")
    instructions: tuple[InstructionSpec, ...] = Field(
        (), description="prompts that some demonstrations have; the rest have the question alone"
    )
    respelled: Share = Field(
        0.0,
        description="share of the demonstrations whose markers are in another spelling; see envs.tokenizer",
    )
    respelled_markers: tuple[Literal["<think>", "</think>"], ...] = Field(
        ("<think>",), description="which of them; <think> alone has two spellings in Qwen2.5's vocabulary"
    )
    max_new_tokens: Count = Field(description="cap on a response when accuracy is measured")
    development_problems: Count

    @model_validator(mode="after")
    def _shares_leave_room(self) -> Self:
        distinct(each.prompt for each in self.instructions)
        if (total := sum(each.share for each in self.instructions)) > 1:
            raise ValueError(f"the shares of instructions add up to {total:g}; write 1 or less in all")
        return self


class GameLessonSpec(LessonSpec):
    """ALFWorld's games, from a file of demonstrations; the accuracy is the share of games won."""

    demonstrations: str = Field(description="file of python -m envs.alfworld.demonstrations")
    panel: str = Field(description="panel file: the development games, each played once")
    sampling: SamplingSpec = Field(description="how the commands are drawn in them")
    max_steps: Count = Field(description="turns after which a development game is lost")


class CurriculumSpec(Spec):
    """What a model from scratch learns: arithmetic, games, or both with one set of weights."""

    chain_arithmetic: ArithmeticLessonSpec | None = None
    alfworld: GameLessonSpec | None = None

    @model_validator(mode="after")
    def _something_to_learn(self) -> Self:
        if self.chain_arithmetic is None and self.alfworld is None:
            raise ValueError("nothing to learn; write chain_arithmetic, alfworld, or both")
        return self


class PretrainSpec(Spec):
    """A model from scratch, trained with Muon and selected by accuracy."""

    tasks: CurriculumSpec
    architecture: ArchitectureSpec
    seed: int
    steps: Count = Field(description="length of the learning-rate schedule, in optimiser steps")
    tokens_per_step: Count = Field(description="approximate tokens in a batch")
    learning_rate: Rate = Field(description="AdamW, for embeddings, head, norms and biases")
    muon_learning_rate: Rate = Field(description="Muon, for the matrices inside the layers")
    warmup_steps: int = Field(ge=0)
    evaluate_every: Count = Field(description="steps between measurements of tasks with stop_at_accuracy")
    end_token: Literal["<|im_end|>", "<|endoftext|>"] = Field(
        "<|im_end|>", description="ends this model's responses; prompts keep <|im_end|>"
    )


class HubModelSpec(Spec):
    """A model fetched from the Hugging Face hub at a fixed revision, or a folder that is linked to."""

    hub_id: str = Field(description="owner/name on the hub, or the absolute path of a model folder")
    revision: str | None = Field(description="commit, branch or tag on the hub; null for a folder")

    @model_validator(mode="after")
    def _revision_of_hub_models(self) -> Self:
        if self.is_folder != (self.revision is None):
            right = "revision: null" if self.is_folder else "the revision to fetch"
            raise ValueError(f"{self.hub_id}: write {right}")
        return self

    @property
    def is_folder(self) -> bool:
        """Whether the model lies on this machine."""
        return self.hub_id.startswith("/")
