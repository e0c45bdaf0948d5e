"""The second layer of a plan: the recipe of every model and run."""

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import yaml

from eval.alfworld.spec import PlaySpec
from eval.spec import GenerateSpec
from opd.spec import DistillSpec, HubModelSpec, PretrainSpec, SftRecipe, SftSpec, TracesRecipe, TracesSpec
from programs.spec import distinct
from workflows.config.distill import settings
from workflows.config.names import RULE, is_name
from workflows.explain import ConfigError, among, check
from workflows.plan.paths import Paths
from workflows.plan.values import merge, nest


class Recipes(Paths):
    """What trains and evaluates models: the config's settings, changed by methods and ablations."""

    def __init__(self, config: dict) -> None:
        super().__init__(config)
        self.methods: dict[str, dict] = {}
        self._runs: dict[tuple[str, str], DistillSpec] = {}

    def method(self, name: str, **knobs: Any) -> dict:
        """Register a method by what it changes in the config's `distill` section; returns the knobs.

        ConfigError for a name that is taken, or that no file of results can have, and for no settings.
        """
        if name in self.methods:
            raise ConfigError(f"two methods are registered as {name!r}; a copied file keeps the old name")
        if not is_name(name):
            raise ConfigError(f"the method {name!r} has no name for files; {RULE}")
        self.methods[name] = _checked(knobs, name)
        return knobs

    def distill_spec(self, experiment: str, method: str, seed: int) -> DistillSpec:
        """The whole recipe of a run. `method` may be a variant, `base@knob=value`, of one knob or several."""
        if (experiment, method) not in self._runs:
            self._runs[experiment, method] = self._distill_spec(experiment, method)
        return self._runs[experiment, method].model_copy(update={"seed": seed})

    def _distill_spec(self, experiment: str, method: str) -> DistillSpec:
        config = self.config.experiments[experiment]
        names = {"experiment": experiment, "method": method, "seed": self.config.seeds[0]}
        spec = self._recipe(names, tuple(config.teachers), config.distill, method)
        if spec.teacher_decay < 1 and {*config.teachers.values()} != {config.student}:
            raise ConfigError(
                f"{experiment}, method {method}: teacher_decay {spec.teacher_decay} is of teachers that "
                f"start as the student; write {config.student} for each of the experiment's teachers, or none"
            )
        return spec

    def reinforce_spec(self, model: str) -> DistillSpec:
        """The recipe of a model that learns from outcomes; its teacher is the model it starts from."""
        config = self.config.models[model].reinforce
        assert config is not None
        names = {"experiment": model, "method": config.method, "seed": config.seed}
        spec = self._recipe(names, (config.task,), config.distill, config.method)
        if not spec.objective.advantage.outcome_weight:
            raise ConfigError(
                f"models.{model}.reinforce: the method {config.method!r} does not look at outcomes; write "
                "one with an objective.advantage.outcome_weight, such as grpo"
            )
        return spec

    def _recipe(
        self, names: dict[str, Any], tasks: Sequence[str], setting: dict[str, Any], method: str
    ) -> DistillSpec:
        """`distill` of the config, changed by the setting, then by the method, then by an ablation.

        Rollouts are changed first by what their task says of them.
        """
        changes = merge(setting, self._knobs(method))
        recipe, place = merge(self.config.distill, changes), f"{names['experiment']}, method {method}"
        del recipe["rollout"]
        recipe["tasks"] = {task: self._task(task, changes.get("rollout", {})) for task in tasks}
        spec = check(DistillSpec, recipe | names, place)
        self._check_engine(spec.engine.tensor_parallel, place)
        return spec

    def _check_engine(self, shared: int, place: str) -> None:
        """ConfigError where the processes of a node cannot be divided into groups that share an engine."""
        here = self.processes_per_node
        if here % shared:
            raise ConfigError(
                f"{place}: engine.tensor_parallel {shared} is of processes on a node, and a node has {here}; "
                f"write one that divides {here}, or change training_processes"
            )

    def _knobs(self, method: str) -> dict:
        """What a method or an ablation's variant of it changes."""
        base, *changes = method.split("@")
        if base not in self.methods:
            raise ConfigError(f"unknown method {base!r}; {among(base, self.methods)}")
        return _checked(reduce(merge, _changes(method, changes), self.methods[base]), method)

    def _task(self, name: str, changes: dict) -> dict:
        """A task as a run's spec has it, with changes of its rollouts."""
        config = self.config.tasks[name]
        rollout = merge(merge(self.config.distill["rollout"], config.rollout), changes)
        task = config.model_dump(exclude={"rollout"}) | {"rollout": rollout}
        if config.teacher_prompt:
            task["teacher_prompt"] = self.config.prompts[config.teacher_prompt]
        if config.games:
            task["games"]["panel"] = self.panel_file(config.games.panel)
        return task

    def hub_spec(self, model: str) -> HubModelSpec:
        """Where a model is fetched from."""
        config = self.config.models[model].hub
        assert config is not None
        return config

    def pretrain_spec(self, model: str) -> PretrainSpec:
        """How a model is trained from scratch, with the files and prompts that the config names."""
        config = self.config.models[model].pretrain
        assert config is not None
        spec = config.model_dump()
        if games := spec["tasks"]["alfworld"]:
            games["demonstrations"] = self.demonstrations_file(games["demonstrations"])
            games["panel"] = self.panel_file(games["panel"])
        if arithmetic := spec["tasks"]["chain_arithmetic"]:
            for each in arithmetic["instructions"]:
                each["prompt"] = self.config.prompts[each["prompt"]]
        return PretrainSpec(**spec)

    def pretrain_files(self, model: str) -> list[str]:
        """The panels and demonstrations that a model from scratch is trained and measured on."""
        games = self.pretrain_spec(model).tasks.alfworld
        return [games.demonstrations, games.panel] if games else []

    def traces_spec(self, model: str) -> TracesSpec:
        """Which traces a model is warm-started with; who writes them is the rule's input."""
        config = self.config.models[model].sft
        assert config is not None
        recipe = config.model_dump(include=set(TracesRecipe.model_fields))
        return TracesSpec(**recipe, engine=self.config.evaluation.engine)

    def sft_spec(self, model: str) -> SftSpec:
        """How a model is warm-started, at the cost that `distill` allows a run."""
        config, distill = self.config.models[model].sft, self.config.distill
        assert config is not None
        memory = {**distill.get("memory", {}), "shard_teachers": False}
        cost = {name: distill[name] for name in ("tokens_per_forward", "checkpoint_every")}
        recipe = config.model_dump(include=set(SftRecipe.model_fields)) | cost | {"memory": memory}
        return check(SftSpec, recipe, f"models.{model}.sft")

    def generate_spec(self, prompt: str | None = None) -> GenerateSpec:
        """How every model is evaluated: asked the questions, or a prompt of the config around them."""
        config = self.config.evaluation
        recipe = {
            **config.asked,
            "prompt": self.config.prompts[prompt] if prompt else None,
            "engine": config.engine,
            "strict": config.strict,
            "batch_size": config.batch_size,
        }
        return check(GenerateSpec, recipe, self._asked_by(prompt) if prompt else "evaluation")

    def _asked_by(self, prompt: str) -> str:
        """The prompt's place, and the first row of a study that asks it."""
        for name, study in self.config.studies.items():
            for row in study.rows:
                if row.prompt == prompt:
                    return f"prompts.{prompt}, asked by studies.{name}, row {row.label!r}"
        return f"prompts.{prompt}"

    def play_spec(self, panel: str) -> PlaySpec:
        """How every model plays a panel."""
        config = self.config.evaluation
        assert config.games is not None
        return PlaySpec(panel=self.panel_file(panel), engine=config.engine, **config.games.model_dump())


def _changes(method: str, changes: Sequence[str]) -> Iterator[dict]:
    """What each @KNOB=VALUE of a variant changes."""
    pairs = [change.partition("=") for change in changes]
    try:
        distinct(knob for knob, _, _ in pairs)
        for knob, _, value in pairs:
            if not (knob and value):
                raise ValueError("write each change as @KNOB=VALUE")
            yield nest(knob, yaml.safe_load(value))
    except (ValueError, yaml.YAMLError) as error:
        reason = error if isinstance(error, ValueError) else "write each change as @KNOB=VALUE"
        raise ConfigError(f"the method {method!r}: {reason}") from None


def _checked(knobs: dict, method: str) -> dict:
    """What a method changes; ConfigError where these are no settings."""
    try:
        return settings(knobs)
    except ValueError as error:
        raise ConfigError(f"the method {method!r}: {error}") from None
