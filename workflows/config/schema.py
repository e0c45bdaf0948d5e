"""The schema of a scale's config file. Unknown keys are errors at every level."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args

from pydantic import Field, field_validator, model_validator

import envs
from envs.alfworld.game import SPLITS
from envs.alfworld.protocols import ProtocolConfig
from envs.alfworld.sources import generated, pool
from eval.spec import EvaluationSpec
from eval.suites import evaluation_suites, training_sets
from opd.plan.devices import DEVICES
from opd.rollout import ENGINES
from opd.spec import GamesSpec, SamplingSpec
from programs.spec import Count, Distinct, Seed, Spec
from studies.estimators.spec import EstimatorsSpec
from workflows.config.distill import Settings
from workflows.config.models import ModelConfig
from workflows.config.names import Base, Mention, Name
from workflows.config.studies import SignalConfig, StudyConfig


class PanelConfig(Spec):
    """A fixed list of ALFWorld's games; see `python -m envs.alfworld.panel --help`."""

    source: str | None = Field(None, description="null: $ALFWORLD_DATA")
    split: Literal[SPLITS]  # type: ignore[valid-type]
    per_type: Count | None = Field(None, description="this many games of each task type; null: all")
    legacy_128: bool = Field(False, description="the paper's 128 draws with replacement instead")

    @model_validator(mode="after")
    def _source_has_enough(self) -> Self:
        made = generated(self.source)
        if made and self.per_type and self.per_type > made.per_type:
            raise ValueError(
                f"per_type {self.per_type} is more than the {made.per_type} of each type in its source; "
                f"write {made.per_type} or less"
            )
        return self

    @model_validator(mode="after")
    def _legacy_128_is_one_panel(self) -> Self:
        if self.legacy_128 and (self.split, self.per_type) != ("valid_seen", None):
            raise ValueError(
                "legacy_128 is the draws of all of valid_seen; write split: valid_seen, and no per_type"
            )
        return self


class TaskConfig(Spec):
    """What models are trained on: problems of an environment, or games of a panel (named, not a file)."""

    environment: envs.Name | None = None
    games: GamesSpec | None = None
    teacher_prompt: str | None = Field(None, description="what its teacher reads in the question's place")
    rollout: dict[str, Any] = Field({}, description="what differs from `distill.rollout`")

    def mentions(self, place: str) -> Iterator[Mention]:
        """Its panel, and what its teacher reads."""
        if self.games:
            yield f"{place}.games.panel", "panel", self.games.panel
        if self.teacher_prompt:
            yield f"{place}.teacher_prompt", "prompt", self.teacher_prompt


class ExperimentConfig(Spec):
    """A fixed setting: who learns what from whom. The tasks take turns, step by step."""

    student: str
    teachers: dict[str, str] = Field(min_length=1, description="task -> the model that teaches it")
    distill: Settings = Field({}, description="what differs from the config's `distill` section")

    def mentions(self, place: str) -> Iterator[Mention]:
        """Who learns what from whom."""
        yield f"{place}.student", "model", self.student
        for task, teacher in self.teachers.items():
            yield f"{place}.teachers", "task", task
            yield f"{place}.teachers.{task}", "model", teacher


class GameEvaluationConfig(Spec):
    """How models play the panels: each game `repeats` times."""

    protocol: ProtocolConfig
    sampling: SamplingSpec
    repeats: Count
    max_steps: Count
    slots: Count
    processes: Count = 1


class EvaluationConfig(EvaluationSpec):
    """How every model is evaluated, and which protocol the tables show suite by suite."""

    engine: Literal[ENGINES] = "torch"  # type: ignore[valid-type]
    batch_size: Count
    strict: bool = False
    table_protocol: str
    contamination: str | None = Field(
        None, description="training set, or a file of problems, that the clean subset leaves out"
    )
    games: GameEvaluationConfig | None = Field(None, description="needed by studies with panels")

    @property
    def asked(self) -> dict[str, Any]:
        """What is asked, and how often: the fields of an `EvaluationSpec`."""
        return self.model_dump(include=set(EvaluationSpec.model_fields))

    @model_validator(mode="after")
    def _table_protocol_exists(self) -> Self:
        whole = [protocol.name for protocol in self.protocols if protocol.suites is None]
        if self.table_protocol not in whole:
            raise ValueError(
                f"table_protocol {self.table_protocol!r} is none of {whole}, which ask every suite"
            )
        return self

    @model_validator(mode="after")
    def _suites_have_intervals(self) -> Self:
        if self.problems_per_suite == 1:
            raise ValueError("problems_per_suite 1 leaves no interval; write 2 or more")
        return self

    @model_validator(mode="after")
    def _contamination_can_be_looked_for(self) -> Self:
        name, known = self.contamination, training_sets()
        if name is None:
            return self
        if name not in known and not Path(name).is_file():
            raise ValueError(f"contamination {name!r} is no file; write one of {', '.join(known)}, or null")
        for suite in self.suites or envs.load(self.environment).suites:
            if suite not in evaluation_suites():
                raise ValueError(
                    f"contamination {name!r} cannot have problems of {suite}, which is generated; write null"
                )
        return self


class Config(Spec):
    """A scale."""

    scale: Name
    base: Base | None = Field(
        None,
        description="scale whose file this one lies over, as a second --configfile, and whose ablations it "
        "has; a scale that does not ship needs one",
    )
    description: str = Field(description="printed on every artifact, so that no scale passes for another")
    seeds: Distinct[Seed] = Field(min_length=1)
    training_processes: Count = Field(
        1,
        description="processes that share a distillation run or a warm start, a GPU each; above 1, "
        "torchrun starts them. Changes rounding alone, so no run is repeated when it changes",
    )
    training_nodes: Count = Field(
        1, description="machines of a SLURM cluster that these processes are on, as many on each"
    )
    gpu: Literal[tuple(DEVICES)] | None = Field(  # type: ignore[valid-type]
        None,
        description="card (opd.plan.devices) that memory and hours are planned for; every job that runs a "
        "model gets one of its own. null: jobs see no GPU",
    )
    prompts: dict[Name, envs.Prompt] = Field(
        {}, description="what models can be asked in the place of a question; see envs.prompt"
    )
    panels: dict[Name, PanelConfig] = Field({}, description="lists of games of ALFWorld")
    models: dict[Name, ModelConfig]
    tasks: dict[Name, TaskConfig]
    experiments: dict[Name, ExperimentConfig]
    distill: Settings = Field(
        description="defaults of every run; a method states only what it changes. Checked against "
        "opd.spec.DistillSpec once merged"
    )
    evaluation: EvaluationConfig
    studies: dict[Name, StudyConfig] = Field(description="null in the place of one: not that of the base")
    estimators: EstimatorsSpec | None = Field(
        None, description="{}: its defaults, at every scale but smoke; null: no such target"
    )
    signal: SignalConfig | None = Field(None, description="null: no such targets")

    @field_validator("studies", mode="before")
    @classmethod
    def _without_what_is_null(cls, studies: Any) -> Any:
        if not isinstance(studies, dict):
            return studies
        return {name: study for name, study in studies.items() if study is not None}

    @field_validator("distill")
    @classmethod
    def _more_than_runs_read_it(cls, distill: dict[str, Any]) -> dict[str, Any]:
        for key in ("rollout", "vocabulary_size", "tokens_per_forward", "checkpoint_every"):
            if key not in distill:
                raise ValueError(f"{key} is missing; add it")
        return distill

    @property
    def origin(self) -> Base:
        """The shipped scale that this is or lies over."""
        return self.base or cast(Base, self.scale)

    @model_validator(mode="after")
    def _scale_has_results_of_its_own(self) -> Self:
        shipped = get_args(Base)
        if self.base is None and self.scale not in shipped:
            raise ValueError(
                f"scale {self.scale!r} is none of {', '.join(map(repr, shipped))}; write one of them, or as "
                "base the one that yours lies over"
            )
        if self.base is not None and self.scale in shipped:
            raise ValueError(
                f"scale {self.scale!r} with a base would share that scale's results; write a new name"
            )
        return self

    @model_validator(mode="after")
    def _nodes_are_alike(self) -> Self:
        if self.training_processes % self.training_nodes:
            raise ValueError(
                f"training_processes {self.training_processes} cannot be spread over training_nodes "
                f"{self.training_nodes}, as many on each; change one of them"
            )
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        known: dict[str, Mapping[str, Any]] = {
            "model": self.models,
            "task": self.tasks,
            "experiment": self.experiments,
            "panel": self.panels,
            "prompt": self.prompts,
        }
        for place, kind, name in self._mentions():
            if name not in known[kind]:
                raise ValueError(
                    f"{place} names the {kind} {name!r}; known: {', '.join(known[kind]) or 'none'}"
                )
        if self.evaluation.games is None and any(study.panels for study in self.studies.values()):
            raise ValueError("studies with panels need evaluation.games, which says how games are played")
        return self

    @model_validator(mode="after")
    def _studies_play_other_games_than_are_learnt_from(self) -> Self:
        for name, study in self.studies.items():
            for panel, (place, learnt) in product(study.panels, self._learnt_from()):
                if self._share_games(panel, learnt):
                    raise ValueError(
                        f"studies.{name}.panels: {panel} shares games with {place} ({learnt}), which models "
                        "learn from; name a panel of another source or split"
                    )
        return self

    @model_validator(mode="after")
    def _models_have_a_beginning(self) -> Self:
        for name, model in self.models.items():
            if name in self.with_parents(model.parents):
                raise ValueError(f"models.{name} is made from itself; name another model to start from")
        return self

    @model_validator(mode="after")
    def _reinforced_models_have_their_own_seed(self) -> Self:
        students = {*self.seeds, *(seed for study in self.studies.values() for seed in study.seeds or ())}
        for name, model in self.models.items():
            if model.reinforce and model.reinforce.seed in students:
                raise ValueError(
                    f"models.{name}.reinforce.seed {model.reinforce.seed} is a seed of students, who would "
                    "be trained on the same problems as the model; write another, such as 1000"
                )
        return self

    def with_parents(self, models: Iterable[str]) -> set[str]:
        """The models, and all that they are made from."""
        found, waiting = set[str](), list(models)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.models[name].parents
        return found

    def _share_games(self, first: str, second: str) -> bool:
        """Whether two panels may: any choice is of the first, so those of one pool and split do."""
        a, b = self.panels[first], self.panels[second]
        return a.split == b.split and not pool(a.source).isdisjoint(pool(b.source))

    def _learnt_from(self) -> Iterator[tuple[str, str]]:
        """(place, panel) of the games that models learn from: a task's, and a lesson's demonstrations."""
        for name, model in self.models.items():
            if model.pretrain and (games := model.pretrain.tasks.alfworld):
                yield f"models.{name}.pretrain.tasks.alfworld.demonstrations", games.demonstrations
        for name, config in self.tasks.items():
            if config.games:
                yield f"tasks.{name}.games.panel", config.games.panel

    def _mentions(self) -> Iterator[Mention]:
        """Everything that the config names and should define."""
        for name, experiment in self.experiments.items():
            yield from experiment.mentions(f"experiments.{name}")
        for name, model in self.models.items():
            yield from model.mentions(f"models.{name}")
        for name, task in self.tasks.items():
            yield from task.mentions(f"tasks.{name}")
        for name, study in self.studies.items():
            yield from study.mentions(f"studies.{name}")
        if self.signal:
            yield from self.signal.mentions("signal")
