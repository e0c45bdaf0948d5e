"""The first layer of a plan: the config, checked, where things lie and what starts them."""

from collections.abc import Iterable

import envs
from workflows.config.schema import Config
from workflows.explain import check


class Paths:
    """A scale's config, and the folders and files of what it names."""

    def __init__(self, config: dict) -> None:
        self.config = check(Config, config, f"config of scale {config.get('scale')}")

    @property
    def results(self) -> str:
        """Folder of everything that this scale produces."""
        return f"results/{self.config.scale}"

    @property
    def configfiles(self) -> str:
        """The files of this scale, as `--configfile` takes them."""
        names = (self.config.base, self.config.scale)
        return " ".join(f"workflows/config/{name}.yaml" for name in names if name)

    @property
    def launcher(self) -> str:
        """What runs a training program: one process, several on a machine, or several on each of some nodes.

        Over several, SLURM starts a torchrun on each; they meet at the one where the job's shell runs.
        """
        nodes, here = self.config.training_nodes, self.processes_per_node
        lease = f"python -m workflows.lease --gpus {here if self.config.gpu else 0} --"
        program = "-m programs.start"
        if nodes == here == 1:
            return f"{lease} python {program}"
        if nodes == 1:
            return f"{lease} torchrun --standalone --nproc-per-node {here} {program}"
        # A port of the job's own, as two jobs may have their first node in common.
        meeting = "--rdzv-id $SLURM_JOB_ID --rdzv-backend c10d"
        # The leases of two nodes may wait for their cards, and torch is read, for minutes apart.
        meeting += " --rdzv-conf read_timeout=900,join_timeout=900"
        meeting += " --rdzv-endpoint $(hostname):$((20000 + SLURM_JOB_ID % 10000))"
        # srun does not take over by itself how many cores sbatch was asked for.
        each = "--ntasks-per-node 1 --cpus-per-task $SLURM_CPUS_PER_TASK"
        # A torchrun ends its own ranks when one fails; those of other nodes would wait for them.
        started = f"srun --kill-on-bad-exit=1 {each} {lease}"
        return f"{started} torchrun --nnodes {nodes} --nproc-per-node {here} {meeting} {program}"

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
        return f"snakemake --cores all {target} --configfile {self.configfiles}"
