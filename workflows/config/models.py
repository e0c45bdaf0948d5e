"""Where the models of a config come from."""

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from opd.spec import HubModelSpec, PretrainSpec, SftRecipe, TracesRecipe
from programs.spec import Spec
from workflows.config.distill import Settings
from workflows.config.names import Mention


class WarmStartConfig(TracesRecipe, SftRecipe):
    """A model made by SFT on teacher traces. What that may cost is said by `distill`, as of every run."""

    student: str = Field(description="model to start from")
    teacher: str = Field(description="model that writes the traces")


class ReinforceConfig(Spec):
    """A model made by reinforcement learning on a task's own outcome; its teacher is where it started."""

    student: str = Field(description="model to start from")
    task: str
    seed: int
    method: str = Field(description="a method whose objective works on outcomes")
    distill: Settings = Field({}, description="what differs from the config's `distill` section")


class ModelConfig(Spec):
    """Where a model comes from: exactly one of the four."""

    pretrain: PretrainSpec | None = None
    hub: HubModelSpec | None = None
    sft: WarmStartConfig | None = None
    reinforce: ReinforceConfig | None = None

    @property
    def source(self) -> str:
        """Which of them it is; also the rule that makes it."""
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"write exactly one of {', '.join(type(self).model_fields)}")
        return given[0]

    @property
    def parents(self) -> list[str]:
        """The models that it is made from."""
        if self.sft:
            return [self.sft.student, self.sft.teacher]
        return [self.reinforce.student] if self.reinforce else []

    def mentions(self, place: str) -> Iterator[Mention]:
        """What the model's making names."""
        if self.sft:
            yield f"{place}.sft.student", "model", self.sft.student
            yield f"{place}.sft.teacher", "model", self.sft.teacher
        if self.reinforce:
            yield f"{place}.reinforce.student", "model", self.reinforce.student
            yield f"{place}.reinforce.task", "task", self.reinforce.task
        if self.pretrain and (games := self.pretrain.tasks.alfworld):
            yield f"{place}.pretrain.tasks.alfworld.demonstrations", "panel", games.demonstrations
            yield f"{place}.pretrain.tasks.alfworld.panel", "panel", games.panel
        if self.pretrain and (arithmetic := self.pretrain.tasks.chain_arithmetic):
            for each in arithmetic.instructions:
                yield f"{place}.pretrain.tasks.chain_arithmetic.instructions", "prompt", each.prompt

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        assert self.source
        return self
