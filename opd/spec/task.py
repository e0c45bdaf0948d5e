"""Tasks: where prompts come from and how they are answered while training."""

from typing import Self

from pydantic import Field, model_validator

import envs
from envs.alfworld.protocols import ProtocolConfig
from opd.spec.sampling import SamplingSpec
from programs.spec import Count, OnlyRounding, Spec


class RolloutSpec(SamplingSpec):
    """On-policy sampling: `prompts` x `samples_per_prompt` responses per step, and how they are used."""

    prompts: Count
    samples_per_prompt: Count
    minibatch_size: Count = Field(description="responses per update; of games, about so many turns")


class GamesSpec(Spec):
    """How ALFWorld's games are played while training: every turn is a prompt of its own."""

    panel: str = Field(description="panel file: the games that are drawn from")
    protocol: ProtocolConfig = Field(description="how a turn is put to the model, and its response read")
    max_steps: Count = Field(description="turns after which a game is lost")
    processes: OnlyRounding[Count] = Field(
        1, description="worker processes that share the games; changes nothing"
    )


class TaskSpec(Spec):
    """Where a task's prompts come from, and how they are answered: exactly one of the two sources.

    For games, `rollout` counts games as prompts and caps each turn.
    """

    environment: envs.Name | None = Field(None, description="problems of this environment, one response each")
    games: GamesSpec | None = Field(None, description="games of ALFWorld, a response each turn")
    teacher_prompt: envs.Prompt | None = Field(
        None,
        description="what the teacher reads in the place of the question: {question} and what the student "
        "is not told, such as {answer}; null: what the student reads",
    )
    rollout: RolloutSpec

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.environment is None) == (self.games is None):
            raise ValueError("a task has either an environment or games; write one of them")
        return self

    @model_validator(mode="after")
    def _prompt_can_be_filled_in(self) -> Self:
        if self.games and self.teacher_prompt:
            raise ValueError("teacher_prompt is put around a question, and games have none; remove it")
        envs.check_prompt(self.teacher_prompt, self.environment)
        return self
