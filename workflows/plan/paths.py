"""The first layer of a plan: the config, checked, and where things lie."""

from collections.abc import Iterable
from typing import get_args

import envs
from eval.suites import training_sets
from workflows.config.names import Base
from workflows.config.schema import Config
from workflows.explain import ConfigError, among, check


class Paths:
    """A scale's config, and the folders and files of what it names.

    `configfiles` are the files that say it, as `--configfile` takes them: of a scale that ships, its own.
    """

    def __init__(self, config: dict) -> None:
        place = f"config of scale {config.get('scale')}"
        if (base := config.get("base")) and base not in get_args(Base):
            # All that the base would have said is missing, too, which would hide this.
            raise ConfigError(f"{place}: base {base!r} is no scale; {among(str(base), get_args(Base))}")
        self.config = check(Config, config, place)
        self.configfiles: tuple[str, ...] = (f"workflows/config/{self.config.scale}.yaml",)

    @property
    def results(self) -> str:
        """Folder of everything that this scale produces."""
        return f"results/{self.config.scale}"

    @property
    def processes_per_node(self) -> int:
        """Processes of a distillation run on each of its machines."""
        return self.config.training_processes // self.config.training_nodes

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites of this scale."""
        evaluation = self.config.evaluation
        return evaluation.suites or tuple(envs.load(evaluation.environment).suites)

    @property
    def contamination_report(self) -> str | None:
        """Which problems the training set holds; None where the config names no training set."""
        return f"{self.results}/checks/contamination.json" if self.config.evaluation.contamination else None

    @property
    def contamination_file(self) -> str | None:
        """The training set that suites are compared with, where it is a file; None where it is named."""
        name = self.config.evaluation.contamination
        return name if name is not None and name not in training_sets() else None

    def model_folder(self, name: str) -> str:
        """Where the model of that name in the config lies."""
        return f"{self.results}/models/{name}/model"

    def panel_file(self, name: str) -> str:
        """Where the panel of that name in the config lies."""
        return f"{self.results}/alfworld/{name}.jsonl"

    def panel_files(self, tasks: Iterable[str]) -> list[str]:
        """The panels that tasks draw their games from."""
        games = [self.config.tasks[task].games for task in tasks]
        return sorted({self.panel_file(each.panel) for each in games if each})

    def demonstrations_file(self, panel: str) -> str:
        """Where the expert's demonstrations on a panel lie."""
        return f"{self.results}/alfworld/{panel}.demonstrations.jsonl"

    def made_by(self, source: str) -> list[str]:
        """Names of the models that come from `pretrain`, `hub`, `sft` or `reinforce`."""
        return [name for name, model in self.config.models.items() if model.source == source]

    def command(self, target: str) -> str:
        """What makes a target of this scale."""
        return f"snakemake --cores all {target} --configfile {' '.join(self.configfiles)}"
