"""The third layer of a plan: studies and ablations, and the models behind them."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from eval.spec import SweepSpec
from programs.spec import Spec
from workflows.config.names import RULE, is_name
from workflows.config.studies import AblationConfig, RowConfig, StudyConfig, SubjectConfig
from workflows.explain import ConfigError, among, check
from workflows.plan.recipes import Recipes
from workflows.plan.values import read_yaml

WORKFLOWS = Path(__file__).parent.parent
_PAPER = WORKFLOWS.parent / "results/paper_reference.csv"


class Studies(Recipes):
    """Which models a table compares: those of the config's studies, and of a file per ablation."""

    def __init__(self, config: dict, ablations: Path = WORKFLOWS / "ablations") -> None:
        super().__init__(config)
        self.studies: dict[str, StudyConfig] = dict(self.config.studies)
        self.sweeps: dict[str, SweepSpec] = {}
        self._names: dict[str, dict[str, str]] = {}
        self._known: dict[tuple[str, str], str] = {}
        for path in sorted(ablations.glob("*.yaml")):
            self._ablation(path)

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

    def responses(self, row: RowConfig, folder: str) -> str:
        """Where the responses of the model of a folder lie, to what the row asks."""
        return f"{folder}/asked/{row.prompt}/responses.jsonl" if row.prompt else f"{folder}/responses.jsonl"

    def runs(self, study: str) -> dict[str, Spec]:
        """run.json -> spec of every model behind a study whose maker writes one."""
        specs = {
            f"{folder}/run.json": self._trained_by(row, seed) for row, seed, folder in self.subjects(study)
        }
        return {path: spec for path, spec in specs.items() if spec is not None}

    def _trained_by(self, row: RowConfig, seed: int) -> Spec | None:
        """The spec of a row's training in steps; None for a model that is pretrained or fetched."""
        if row.model is None:
            return self.distill_spec(str(row.experiment), self._known_as(row), seed)
        specs = {"sft": self.sft_spec, "reinforce": self.reinforce_spec}
        made = specs.get(self.config.models[row.model].source)
        return made(row.model) if made else None

    def trained(self, study: str) -> dict[str, dict[int, str]]:
        """label -> seed -> folder of the rows of a study that are runs."""
        found: dict[str, dict[int, str]] = {}
        for row, seed, folder in self.subjects(study):
            if row.model is None:
                found.setdefault(row.label, {})[seed] = folder
        return found

    def sweep_spec(self, ablation: str) -> SweepSpec:
        """How an ablation is drawn."""
        return self.sweeps[ablation]

    def _known_as(self, row: SubjectConfig) -> str:
        """The row's method; a variant under the first name that has its recipe, so that equal runs are one.

        A method keeps its name: a copy of its file, not yet changed, takes none of its runs over.
        """
        experiment, method = str(row.experiment), str(row.method)
        if method in self.methods:
            return method
        if (experiment, method) not in self._known:
            names = self._names.setdefault(experiment, {})
            if not names:
                names.update({self._recipe_of(experiment, name): name for name in reversed(self.methods)})
            base, recipe = method.split("@")[0], self._recipe_of(experiment, method)
            of_base = recipe == self._recipe_of(experiment, base)
            self._known[experiment, method] = base if of_base else names.setdefault(recipe, method)
        return self._known[experiment, method]

    def _recipe_of(self, experiment: str, method: str) -> str:
        """What a method's runs do, without its name; the name where it does not fit the experiment."""
        try:
            spec = self.distill_spec(experiment, method, 0)
        except ConfigError:
            return method
        return spec.model_copy(update={"method": ""}).model_dump_json()

    @property
    def failures(self) -> Sequence[SubjectConfig]:
        """The students whose failure cases are shown, in no other study maybe."""
        return self.config.signal.failures if self.config.signal else ()

    def check_runs(self) -> None:
        """Build the spec of every run, so that a wrong knob fails now; and find every number of the paper.

        Equal runs get their name here, in the order of the config, whatever is asked for later.
        """
        self._check_paper_names()
        for model in self.made_by("reinforce"):
            self.reinforce_spec(model)
        for model in self.made_by("sft"):
            self.sft_spec(model)
        for prompt in {row.prompt for study in self.studies.values() for row in study.rows}:
            self.generate_spec(prompt)
        rows = [row for study in self.studies.values() for row in study.rows]
        for row in [*rows, *self.failures]:
            if row.model is None:
                self.distill_spec(str(row.experiment), str(row.method), self.config.seeds[0])
                self._known_as(row)

    def _check_paper_names(self) -> None:
        """ConfigError where a study names a row or column that the paper's table does not have."""
        with _PAPER.open(newline="") as file:
            lines = list(csv.DictReader(file))
        for name, study in self.studies.items():
            named = {
                "row": [row.paper_row for row in study.rows if row.paper_row is not None],
                "column": study.paper_columns if study.paper_table else (),
            }
            for kind, asked in named.items():
                known = {line[kind] for line in lines if line["table"] == study.paper_table}
                for missing in (each for each in asked if each not in known):
                    raise ConfigError(
                        f"studies.{name}: paper_{kind} {missing!r} is no {kind} of {study.paper_table} in "
                        f"{_PAPER.name}; it has {', '.join(sorted(known)) or 'no such table'}"
                    )

    def _ablation(self, path: Path) -> None:
        """Add the study `ablation_<file name>`, with a row per method and value, and its sweep."""
        config = check(AblationConfig, read_yaml(path), path.name)
        scale = self.config.origin
        values = config.values.get(scale, ())
        if not values:
            return
        name = f"ablation_{path.stem}"
        self._check_ablation(path, name, config)
        cells = [(*method, value) for method in config.methods.items() for value in values]
        rows = [
            {
                "label": config.label(label, value),
                "experiment": config.experiment,
                "method": f"{method}@{config.knob}={value}",
                "against": config.label(label, config.reference[scale]),
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
        self.studies[name] = check(StudyConfig, study, path.name)
        sweep = {
            "title": config.title,
            "knob": config.knob,
            "protocol": self.config.evaluation.table_protocol,
            "points": [
                {"row": config.label(label, value), "method": label, "value": value}
                for label, _, value in cells
            ],
        }
        self.sweeps[name] = check(SweepSpec, sweep, path.name)

    def _check_ablation(self, path: Path, name: str, config: AblationConfig) -> None:
        """ConfigError where an ablation's file does not fit the scale, or the study's name is taken."""
        if not is_name(path.stem):
            raise ConfigError(f"{path.name} becomes a target's name; {RULE}")
        if name in self.studies:
            raise ConfigError(f"{path.name} makes the study {name}, and there is one already; rename one")
        if config.experiment not in self.config.experiments:
            known = among(config.experiment, self.config.experiments)
            raise ConfigError(f"{path.name}: unknown experiment {config.experiment!r}; {known}")
        if self.config.origin not in config.reference:
            raise ConfigError(
                f"{path.name}: reference has no value for the scale {self.config.origin}; add it"
            )
