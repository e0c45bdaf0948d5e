"""One run of distillation or reinforcement."""

from typing import Literal, Self

from pydantic import Field, model_validator

from opd.spec.objective import MaskSpec, ObjectiveSpec
from opd.spec.task import TaskSpec
from opd.spec.training import EngineSpec, LoraSpec, MemorySpec, OptimizerSpec
from programs.spec import Count, OnlyRounding, Rate, Share, Spec


class DistillSpec(Spec):
    """One run: experiment x method x seed, with everything that decides its numbers."""

    experiment: str
    method: str
    seed: int
    tasks: dict[str, TaskSpec] = Field(min_length=1, description="step t works on task t mod their number")
    steps: Count = Field(description="steps in all; the tasks take turns")
    vocabulary_size: Count = Field(description="token ids of all models, checked when they load")
    teacher_top_k: Count = Field(
        description="teacher tokens kept per position: support of the top-K objectives, and of "
        "the overlap and mass diagnostics of every method"
    )
    teacher_temperature: Rate = Field(
        1.0, description="divides the teachers' logits, wherever they are used: below 1 is sharper"
    )
    teacher_decay: Share = Field(
        1.0,
        description="of its weights, the share that a teacher keeps at each step; the rest is the student's, "
        "who starts as the same model. 1 is frozen, 0 is the student itself; see opd.average",
    )
    objective: ObjectiveSpec
    mask: MaskSpec = MaskSpec()
    optimizer: OptimizerSpec
    lora: LoraSpec | None = Field(None, description="null: all weights are trained")
    memory: MemorySpec = MemorySpec()
    tokens_per_forward: OnlyRounding[Count] = Field(
        description="padded tokens in one forward pass; bounds memory and changes nothing else but rounding"
    )
    checkpoint_every: OnlyRounding[Count] = Field(description="steps between checkpoints")
    engine: EngineSpec = Field(EngineSpec(), description="what answers the prompts")
    uniform_teacher: OnlyRounding[Literal["warn", "stop"]] = Field(
        "warn", description="what a step does whose teacher seems to have no weights; see opd.scoring.witness"
    )

    @model_validator(mode="after")
    def _top_k_fits_vocabulary(self) -> Self:
        if self.teacher_top_k > self.vocabulary_size:
            raise ValueError(
                f"teacher_top_k {self.teacher_top_k} is larger than the vocabulary of "
                f"{self.vocabulary_size}; write teacher_top_k: {self.vocabulary_size} or less, or use "
                f"support: vocabulary"
            )
        return self

    @model_validator(mode="after")
    def _single_token_support_has_signal(self) -> Self:
        single = self.objective.support in (
            "teacher_top_k",
            "student_top_k",
            "intersection",
            "teacher_nucleus",
        )
        if self.objective.outside == "renormalised" and single and self.teacher_top_k == 1:
            raise ValueError(
                "teacher_top_k 1 with outside: renormalised is identically zero (one token always has "
                "probability 1); write teacher_top_k: 2 or more, or outside: ignored"
            )
        return self

    @model_validator(mode="after")
    def _teachers_are_heard(self) -> Self:
        if self.objective.advantage.log_ratio_weight != 0:
            return self
        for name, task in self.tasks.items():
            if task.teacher_prompt:
                raise ValueError(
                    f"the teacher of {name} is told more, and log_ratio_weight 0 ignores teachers; write a "
                    "task without teacher_prompt, or another method"
                )
        if self.teacher_decay < 1:
            raise ValueError(
                f"teacher_decay {self.teacher_decay} moves teachers, and log_ratio_weight 0 ignores them; "
                "remove teacher_decay, or write another method"
            )
        if self.teacher_temperature != 1:
            raise ValueError(
                f"teacher_temperature {self.teacher_temperature} changes teachers, and log_ratio_weight 0 "
                "ignores them; remove teacher_temperature, or write another method"
            )
        return self

    @model_validator(mode="after")
    def _every_task_has_a_step(self) -> Self:
        if self.steps < len(self.tasks):
            raise ValueError(
                f"{self.steps} step(s), by turns of {len(self.tasks)} tasks, leave some out; write steps: "
                f"{len(self.tasks)} or more"
            )
        return self

    @model_validator(mode="after")
    def _teachers_that_follow_are_whole(self) -> Self:
        if self.teacher_decay < 1 and self.memory.shard_teachers:
            raise ValueError(
                f"teacher_decay {self.teacher_decay} moves teachers, which needs them whole on every rank; "
                "write memory.shard_teachers: false"
            )
        return self

    @model_validator(mode="after")
    def _teachers_that_follow_know_more(self) -> Self:
        told = any(task.teacher_prompt for task in self.tasks.values())
        if self.teacher_decay < 1 and not told and self.teacher_temperature == 1:
            raise ValueError(
                f"teacher_decay {self.teacher_decay} is of teachers that start as the student, and these are "
                "told nothing more, so there is nothing to learn; write a task with a teacher_prompt, or a "
                "teacher_temperature below 1"
            )
        return self

    @model_validator(mode="after")
    def _minibatches_divide(self) -> Self:
        for name, task in self.tasks.items():
            responses = task.rollout.prompts * task.rollout.samples_per_prompt
            if task.environment and responses % task.rollout.minibatch_size:
                raise ValueError(
                    f"{responses} responses per step of {name} cannot be split into minibatches of "
                    f"{task.rollout.minibatch_size}; change rollout.prompts or rollout.minibatch_size"
                )
        return self

    @model_validator(mode="after")
    def _steps_are_of_games(self) -> Self:
        credit = self.objective.advantage.credit
        problems = [name for name, task in self.tasks.items() if not task.games]
        if credit.step_weight and problems:
            raise ValueError(
                f"step_weight {credit.step_weight} compares turns of games, and a response to {problems[0]} "
                "is the whole episode; remove step_weight and step_gamma (GRPO), or write tasks with games"
            )
        return self

    @model_validator(mode="after")
    def _groups_have_company(self) -> Self:
        for name, task in self.tasks.items():
            if self.objective.advantage.credit.baseline == "group" and task.rollout.samples_per_prompt == 1:
                raise ValueError(
                    f"baseline: group compares samples of one prompt, and {name} has one of each; write "
                    f"samples_per_prompt: 2 or more"
                )
            if self.objective.advantage.credit.baseline == "group" and task.rollout.temperature == 0:
                raise ValueError(
                    f"baseline: group compares samples of one prompt, and those of {name} are the same at "
                    f"temperature 0; write a rollout.temperature above 0"
                )
        return self
