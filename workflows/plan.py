"""From a config to specs and paths: what every rule runs, as pure functions.

A `Plan` is built once per invocation. Method files register with `Plan.method`; everything is
validated when the Snakefile is read, so nothing starts with a config that could not finish.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import envs
from eval.alfworld.spec import PlaySpec
from eval.claims.missing import missing
from eval.claims.spec import ClaimsSpec, Ledger
from eval.spec import CurvesSpec, GenerateSpec, ScoreSpec, SweepSpec, TableSpec
from opd.spec import (
    DistillSpec,
    PretrainSpec,
    SamplingSpec,
    SftRecipe,
    SftSpec,
    Spec,
    TracesRecipe,
    TracesSpec,
)
from studies.signal.spec import SUBJECTS, FailureSpec, ScoringSpec, SignalSpec
from workflows.config.schema import AblationConfig, Config, RowConfig, StudyConfig, SubjectConfig
from workflows.explain import ConfigError, check

_FOLDER = Path(__file__).parent
_PAPER = _FOLDER.parent / "results/paper_reference.csv"


class Plan:
    """One scale, its methods and its ablations."""

    def __init__(self, config: dict, ablations: Path = _FOLDER / "ablations") -> None:
        self.config = check(Config, config, f"config of scale {config.get('scale')}")
        self.methods: dict[str, dict] = {}
        self.studies: dict[str, StudyConfig] = dict(self.config.studies)
        self.sweeps: dict[str, SweepSpec] = {}
        self._names: dict[str, dict[str, str]] = {}
        self._known: dict[tuple[str, str], str] = {}
        for path in sorted(ablations.glob("*.yaml")):
            self._ablation(path)
        self.ledger = _ledger()

    @property
    def results(self) -> str:
        """Folder of everything that this scale produces."""
        return f"results/{self.config.scale}"

    @property
    def processes_per_node(self) -> int:
        """Processes of a distillation run on each of its machines."""
        return self.config.training_processes // self.config.training_nodes

    @property
    def launcher(self) -> str:
        """What runs a training program: one process, several on a machine, or several on each of some nodes.

        Over several, SLURM starts a torchrun on each; they meet at the one where the job's shell runs.
        """
        nodes, here = self.config.training_nodes, self.processes_per_node
        lease = f"python -m workflows.lease --gpus {here if self.config.gpu else 0} --"
        if nodes == here == 1:
            return f"{lease} python"
        if nodes == 1:
            return f"{lease} torchrun --standalone --nproc-per-node {here}"
        # A port of the job's own, as two jobs may have their first node in common.
        meeting = "--rdzv-id $SLURM_JOB_ID --rdzv-backend c10d"
        meeting += " --rdzv-endpoint $(hostname):$((20000 + SLURM_JOB_ID % 10000))"
        started = f"srun --ntasks-per-node 1 --cpus-per-task {here} {lease}"
        return f"{started} torchrun --nnodes {nodes} --nproc-per-node {here} {meeting}"

    @property
    def configfiles(self) -> str:
        """The files of this scale, as `--configfile` takes them."""
        names = (self.config.base, self.config.scale)
        return " ".join(f"workflows/config/{name}.yaml" for name in names if name)

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites of this scale."""
        evaluation = self.config.evaluation
        return evaluation.suites or tuple(envs.load(evaluation.environment).suites)

    @property
    def contamination_report(self) -> str | None:
        """Which problems the training set holds; None where the config names no training set."""
        return f"{self.results}/checks/contamination.json" if self.config.evaluation.contamination else None

    def method(self, name: str, **knobs: Any) -> dict:
        """Register a method by what it changes in the config's `distill` section; returns the knobs."""
        self.methods[name] = knobs
        return knobs

    def distill_spec(self, experiment: str, method: str, seed: int) -> DistillSpec:
        """The whole recipe of a run. `method` may be a variant, `base@knob=value`, of one knob or several."""
        config = self.config.experiments[experiment]
        names = {"experiment": experiment, "method": method, "seed": seed}
        return self._recipe(names, tuple(config.teachers), config.distill, method)

    def reinforce_spec(self, model: str) -> DistillSpec:
        """The recipe of a model that learns from outcomes; its teacher is the model it starts from."""
        config = self.config.models[model].reinforce
        assert config is not None
        names = {"experiment": model, "method": config.method, "seed": config.seed}
        return self._recipe(names, (config.task,), config.distill, config.method)

    def _recipe(
        self, names: dict[str, Any], tasks: Sequence[str], setting: dict[str, Any], method: str
    ) -> DistillSpec:
        """`distill` of the config, changed by the setting, then by the method, then by an ablation.

        Rollouts are changed first by what their task says of them.
        """
        changes = merge(setting, self._knobs(method))
        recipe = merge(self.config.distill, changes)
        del recipe["rollout"]
        recipe["tasks"] = {task: self._task(task, changes.get("rollout", {})) for task in tasks}
        return check(DistillSpec, recipe | names, f"{names['experiment']}, method {method}")

    def _knobs(self, method: str) -> dict:
        """What a method or an ablation's variant of it changes."""
        base, *changes = method.split("@")
        if base not in self.methods:
            raise ConfigError(f"unknown method {base!r}; known: {', '.join(sorted(self.methods))}")
        knobs = self.methods[base]
        for change in changes:
            knob, _, value = change.partition("=")
            knobs = merge(knobs, _nest(knob, yaml.safe_load(value)))
        return knobs

    def _task(self, name: str, changes: dict) -> dict:
        """A task as a run's spec has it, with changes of its rollouts."""
        config = self.config.tasks[name]
        rollout = merge(merge(self.config.distill["rollout"], config.rollout), changes)
        task = config.model_dump(exclude={"rollout"}) | {"rollout": rollout}
        if config.games:
            task["games"]["panel"] = self.panel_file(config.games.panel)
        return task

    def panel_file(self, name: str) -> str:
        """Where the panel of that name in the config lies."""
        return f"{self.results}/alfworld/{name}.jsonl"

    def demonstrations_file(self, panel: str) -> str:
        """Where the expert's demonstrations on a panel lie."""
        return f"{self.results}/alfworld/{panel}.demonstrations.jsonl"

    def pretrain_files(self, model: str) -> list[str]:
        """The panels and demonstrations that a model from scratch is trained and measured on."""
        games = self.pretrain_spec(model).tasks.alfworld
        return [games.demonstrations, games.panel] if games else []

    def panel_files(self, tasks: Iterable[str]) -> list[str]:
        """The panels that tasks draw their games from."""
        games = [self.config.tasks[task].games for task in tasks]
        return sorted({self.panel_file(each.panel) for each in games if each})

    def play_spec(self, panel: str) -> PlaySpec:
        """How every model plays a panel."""
        config = self.config.evaluation
        assert config.games is not None
        return PlaySpec(panel=self.panel_file(panel), engine=config.engine, **config.games.model_dump())

    def pretrain_spec(self, model: str) -> PretrainSpec:
        """How a model is trained from scratch, with files for the panels that the config names."""
        config = self.config.models[model].pretrain
        assert config is not None
        if (games := config.tasks.alfworld) is None:
            return config
        files = {"demonstrations": self.demonstrations_file(games.demonstrations)}
        files["panel"] = self.panel_file(games.panel)
        tasks = config.tasks.model_copy(update={"alfworld": games.model_copy(update=files)})
        return config.model_copy(update={"tasks": tasks})

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

    def generate_spec(self) -> GenerateSpec:
        """How every model is evaluated."""
        config = self.config.evaluation
        return GenerateSpec(
            **config.asked, engine=config.engine, strict=config.strict, batch_size=config.batch_size
        )

    def score_spec(self, study: str) -> ScoreSpec:
        """The models of a study and where their responses lie."""
        subjects = [
            {
                "row": row.label,
                "seed": seed,
                "responses": f"{folder}/responses.jsonl",
                "episodes": {panel: f"{folder}/games/{panel}" for panel in self.studies[study].panels},
            }
            for row, seed, folder in self.subjects(study)
        ]
        return ScoreSpec(**self.config.evaluation.asked, subjects=subjects)

    def crosscheck_spec(self) -> ScoreSpec:
        """Every model behind the studies of `all`, each once and under its own name."""
        subjects = {
            folder: {
                "row": row.model or f"{row.experiment}/{row.method}",
                "seed": seed,
                "responses": f"{folder}/responses.jsonl",
            }
            for study in self.studies_of("all")
            for row, seed, folder in self.subjects(study)
        }
        return ScoreSpec(**self.config.evaluation.asked, subjects=list(subjects.values()))

    def table_spec(self, study: str) -> TableSpec:
        """How a study's table is rendered."""
        config, evaluation = self.studies[study], self.config.evaluation
        return TableSpec(
            title=config.title,
            scale=self.config.scale,
            scale_description=self.config.description,
            protocol=evaluation.table_protocol,
            paper_scale="paper" in (self.config.scale, self.config.base),
            paper_table=config.paper_table,
            paper_columns=config.paper_columns,
            panels=config.panels,
            notes=config.notes,
            reference_row=config.reference,
            rows=[{"row": r.label, "label": r.label, "paper_row": r.paper_row} for r in config.rows],
            evaluation=evaluation.asked,
            contamination=self.contamination_report,
            runs=self.runs(study),
            rebuild=self._command(study),
        )

    def curves_spec(self, study: str) -> CurvesSpec:
        """The training curves of a study: its rows that were trained."""
        curves = [
            {
                "label": label,
                "metrics": {seed: f"{folder}/metrics.jsonl" for seed, folder in folders.items()},
            }
            for label, folders in self.trained(study).items()
        ]
        title = f"Training curves: {self.studies[study].title}"
        return CurvesSpec(title=title, scale_description=self.config.description, curves=curves)

    def claims_spec(self, target: str) -> ClaimsSpec:
        """Every claim, and the studies of this scale; those of the target `all` or `full` are run."""
        run = self.studies_of(target)
        studies = {
            name: {
                "rows": [row.label for row in study.rows],
                "panels": study.panels,
                "run": name in run,
                "rebuild": self._command(name),
            }
            for name, study in self.studies.items()
        }
        for name in ("estimators", "signal"):
            if getattr(self.config, name) is not None:
                studies[name] = {"run": True, "rebuild": self._command(name)}
        if self.config.signal is not None:
            studies["signal"]["subjects"] = [SUBJECTS[role] for role in self.signal_scores]
        asked = {claim.test.study for claim in self.ledger.claims if claim.test}
        return ClaimsSpec(
            title="Claims of arXiv 2603.25562",
            scale=self.config.scale,
            scale_description=self.config.description,
            results=self.results,
            protocol=self.config.evaluation.table_protocol,
            claims=self.ledger.claims,
            studies={name: study for name, study in studies.items() if name in asked},
            rebuild=self._command(f"claims_{target}"),
        )

    def claims_files(self, target: str) -> list[str]:
        """What the claims that can be measured are read from."""
        spec = self.claims_spec(target)
        tests = [claim.test for claim in spec.claims if claim.test and not missing(claim, spec.studies)]
        return sorted({f"{self.results}/{file}" for test in tests for file in test.files})

    def _command(self, target: str) -> str:
        """What makes a target of this scale."""
        return f"snakemake --cores all {target} --configfile {self.configfiles}"

    def scoring_spec(self) -> ScoringSpec:
        """How responses are sampled and scored for the signal study: as a training run's first step."""
        assert self.config.signal is not None
        rollout = self.config.distill["rollout"]
        recipe = {
            "environment": self.config.evaluation.environment,
            "seed": self.config.seeds[0],
            "responses": self.config.signal.responses,
            "sampling": {name: rollout[name] for name in SamplingSpec.model_fields},
            "tokens_per_forward": self.config.distill["tokens_per_forward"],
        }
        return check(ScoringSpec, recipe, "signal")

    def signal_spec(self) -> SignalSpec:
        """How the signal study is summarised."""
        return SignalSpec(scale_description=f"{self.config.scale}: {self.config.description}")

    def failure_spec(self) -> FailureSpec:
        """Which failure cases are shown."""
        return FailureSpec(scale_description=f"{self.config.scale}: {self.config.description}")

    @property
    def signal_scores(self) -> dict[str, str]:
        """Teacher's role -> folder of the scores of the signal study's student."""
        signal = self.config.signal
        assert signal is not None
        teachers = {"teacher": signal.teacher, "respelled": signal.respelled}
        student = f"{self.results}/models/{signal.student}"
        return {role: self._scores(student, name) for role, name in teachers.items() if name}

    @property
    def failure_scores(self) -> dict[str, str]:
        """Label -> folder of the scores of every student whose failures are shown."""
        signal, seed = self.config.signal, self.config.seeds[0]
        assert signal is not None
        return {row.label: self._scores(self.folder(row, seed), signal.teacher) for row in signal.failures}

    def _scores(self, student: str, teacher: str) -> str:
        return f"{self.results}/signal/scores/{student.removeprefix(f'{self.results}/')}/{teacher}"

    def model_folder(self, name: str) -> str:
        """Where the model of that name in the config lies."""
        return f"{self.results}/models/{name}/model"

    def runs(self, study: str) -> list[str]:
        """run.json of every training run behind a study."""
        return [f"{folder}/run.json" for of_row in self.trained(study).values() for folder in of_row.values()]

    def studies_of(self, target: str) -> list[str]:
        """The studies of the target `all`, or of `full`: all that there are."""
        return [name for name, study in self.studies.items() if study.in_all or target == "full"]

    def subjects(self, study: str) -> Iterator[tuple[RowConfig, int, str]]:
        """(row, seed, folder) of the models behind a study; a model as it is counts as one seed."""
        seeds = self.studies[study].seeds or self.config.seeds
        for row in self.studies[study].rows:
            for seed in (0,) if row.model is not None else seeds:
                yield row, seed, self.folder(row, seed)

    def folder(self, row: SubjectConfig, seed: int) -> str:
        """Where the model behind a row lies; a model as it is has no seeds."""
        if row.model is not None:
            return f"{self.results}/models/{row.model}"
        return f"{self.results}/runs/{row.experiment}/{self._known_as(row)}/seed{seed}"

    def _known_as(self, row: SubjectConfig) -> str:
        """The row's method under the first name that has its recipe, so that equal runs are one."""
        experiment, method = str(row.experiment), str(row.method)
        if (experiment, method) not in self._known:
            names = self._names.setdefault(experiment, {})
            if not names:
                names.update({self._recipe_of(experiment, name): name for name in reversed(self.methods)})
            self._known[experiment, method] = names.setdefault(self._recipe_of(experiment, method), method)
        return self._known[experiment, method]

    def _recipe_of(self, experiment: str, method: str) -> str:
        """What a method's runs do, without its name; the name where it does not fit the experiment."""
        try:
            spec = self.distill_spec(experiment, method, 0)
        except ConfigError:
            return method
        return spec.model_copy(update={"method": ""}).model_dump_json()

    def trained(self, study: str) -> dict[str, dict[int, str]]:
        """label -> seed -> folder of the rows of a study that are runs."""
        found: dict[str, dict[int, str]] = {}
        for row, seed, folder in self.subjects(study):
            if row.model is None:
                found.setdefault(row.label, {})[seed] = folder
        return found

    def made_by(self, source: str) -> list[str]:
        """Names of the models that come from `pretrain`, `hub`, `sft` or `reinforce`."""
        return [name for name, model in self.config.models.items() if model.source == source]

    def check_runs(self) -> None:
        """Build the spec of every run, so that a wrong knob fails now; and find every number of the paper."""
        self._check_paper_rows()
        for model in self.made_by("reinforce"):
            self.reinforce_spec(model)
        for model in self.made_by("sft"):
            self.sft_spec(model)
        rows: list[SubjectConfig] = [row for study in self.studies.values() for row in study.rows]
        rows += self.config.signal.failures if self.config.signal else ()
        for row in rows:
            if row.model is None:
                self.distill_spec(str(row.experiment), str(row.method), self.config.seeds[0])

    def _check_paper_rows(self) -> None:
        """ConfigError where a study names a row of the paper's table that the reference does not have."""
        with _PAPER.open(newline="") as file:
            known = {(line["table"], line["row"]) for line in csv.DictReader(file)}
        for name, study in self.studies.items():
            for row in study.rows:
                if row.paper_row is not None and (study.paper_table, row.paper_row) not in known:
                    rows = sorted(row for table, row in known if table == study.paper_table)
                    raise ConfigError(
                        f"studies.{name}: paper_row {row.paper_row!r} is no row of {study.paper_table} in "
                        f"{_PAPER.name}; it has {', '.join(rows) or 'no such table'}"
                    )

    def _ablation(self, path: Path) -> None:
        """Add the study `ablation_<file name>`, with a row per method and value, and its sweep."""
        config = check(AblationConfig, _yaml(path), path.name)
        scale = self.config.base or self.config.scale
        values = config.values.get(scale, ())
        if not values:
            return
        cells = [(*method, value) for method in config.methods.items() for value in values]
        rows = [
            {
                "label": config.label(label, value),
                "experiment": config.experiment,
                "method": f"{method}@{config.knob}={value}",
            }
            for label, method, value in cells
        ]
        first = next(iter(config.methods))
        study = {
            "title": config.title,
            "reference": config.label(first, config.reference[scale]),
            "rows": rows,
            "seeds": config.seeds.get(scale),
            "notes": config.notes,
            "in_all": False,
        }
        name = f"ablation_{path.stem}"
        self.studies[name] = check(StudyConfig, study, path.name)
        self.sweeps[name] = SweepSpec(
            title=config.title,
            knob=config.knob,
            protocol=self.config.evaluation.table_protocol,
            points=[
                {"row": config.label(label, value), "method": label, "value": value}
                for label, _, value in cells
            ],
        )


@cache
def _ledger() -> Ledger:
    """The claims, read once a process."""
    return check(Ledger, {"claims": _yaml(_FOLDER / "claims.yaml")}, "claims.yaml")


def _yaml(path: Path) -> Any:
    """What a file says, by libyaml: in Python alone the claims take a tenth of a second."""
    return yaml.load(path.read_text(), yaml.CSafeLoader)


def merge(base: dict, change: dict) -> dict:
    """`base` with the values of `change` put over it, nested dictionaries key by key."""
    merged = dict(base)
    for key, value in change.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if nested else value
    return merged


def as_param(spec: Spec) -> str:
    """The spec as the one JSON string that Snakemake tracks and the program reads."""
    return json.dumps(spec.model_dump(mode="json"), sort_keys=True)


def _nest(dotted: str, value: Any) -> dict:
    first, _, rest = dotted.partition(".")
    return {first: _nest(rest, value) if rest else value}
