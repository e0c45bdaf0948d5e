"""What a job asks of a cluster or a machine: time, host memory and cores, with room to spare."""

import os
from collections.abc import Callable
from functools import cache, cached_property, partial
from typing import TypeVar

from opd.plan import host, work
from opd.plan.devices import DEVICES
from opd.plan.shape import Shape, UnknownShapeError
from workflows import launcher
from workflows.needs import answering, models, training
from workflows.needs.job import Job
from workflows.plan import Plan

# Asked for where the config names no GPU, so that nothing is planned: the scales for tests and laptops.
_CPU_MINUTES = 120
_CPU_MIB = 4096
# Where a hub model's shape is not at hand yet: a dry run must not depend on it.
_UNKNOWN_MINUTES = 24 * 60
_UNKNOWN_MIB = 128 * 1024
# A job may take this many times the estimate, and as long to start: a run that is cut off goes on from its
# checkpoint, but only after the queue.
_ROOM = 2
_START_MINUTES = 30
# Cores for each GPU: AdamW of weights on the host, vLLM's processes and tokenizers share them. Nodes of eight
# GPUs have twice as many or more.
_CORES_PER_GPU = 8

Resource = TypeVar("Resource", int, str)


class Requests:
    """Of the jobs of a plan, by kind."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._run = cache(partial(training.run, plan))  # one for all seeds

    @property
    def gpus(self) -> int:
        """GPUs of a job that runs a model."""
        return 1 if self._plan.config.gpu else 0

    @property
    def training_gpus(self) -> int:
        """GPUs of a distillation run or a warm start."""
        return self.gpus * self._plan.config.training_processes

    @property
    def model_launcher(self) -> str:
        """What starts a program that runs a model in one process."""
        return launcher.of_model(self.gpus)

    @property
    def launcher(self) -> str:
        """What starts a program that trains."""
        config, here = self._plan.config, self._plan.processes_per_node
        return launcher.of_training(here, config.training_nodes, here * self.gpus)

    def cores(self, processes: int) -> int:
        """Cores of a job of that many processes, on a node."""
        return processes * (_CORES_PER_GPU if self.gpus else 1)

    def threads(self, processes: int, gpus_here: int) -> int:
        """The same of a job on this machine, whose GPUs may have fewer cores each; one if it asks for no GPU.

        So as many jobs as there are GPUs run at once, and without GPUs as many as there are cores.
        """
        if not self.gpus:
            return 1
        for_each = len(os.sched_getaffinity(0)) // max(1, gpus_here)
        return processes * max(1, min(_CORES_PER_GPU, for_each))

    def across_nodes(self, value: Resource) -> Resource | None:
        """A resource that only a run over several nodes has, which starts on each of them itself (`srun`)."""
        return value if self._plan.config.training_nodes > 1 else None

    @property
    def cards(self) -> list[tuple[str, float]]:
        """Name and GiB of the card that the config plans for."""
        if self._plan.config.gpu is None:
            return []
        device = DEVICES[self._plan.config.gpu]
        return [(device.name, device.memory_gib)]

    @cached_property
    def mib(self) -> int:
        """Host memory of a job that runs models and trains none."""
        return self._mib(lambda: host.answering(self._largest))

    def run_mib(self, experiment: str, method: str) -> int:
        """Host memory of a run, on a node."""
        return self._mib(lambda: self._run(experiment, method).host)

    def model_mib(self, name: str) -> int:
        """Host memory to make a model by SFT or reinforcement, on a node."""
        return self._mib(lambda: self._made(name).host)

    def run_minutes(self, experiment: str, method: str) -> int:
        """Minutes of a run."""
        return self._minutes(lambda: self._run(experiment, method))

    def model_minutes(self, name: str) -> int:
        """Minutes to make a model by SFT or reinforcement."""
        return self._minutes(lambda: self._made(name))

    def _made(self, name: str) -> Job:
        kind = training.reinforcement if self._plan.config.models[name].reinforce else training.warm_start
        return kind(self._plan, name)

    def traces_minutes(self, name: str) -> int:
        """Minutes of a teacher's traces for a model."""
        return self._minutes(lambda: answering.traces(self._plan, name))

    @cached_property
    def generation_minutes(self) -> int:
        """Minutes to answer all suites, for the largest model."""
        return self._minutes(lambda: answering.generation(self._plan, self._largest))

    def play_minutes(self, panel: str) -> int:
        """Minutes to play a panel, for the largest model."""
        return self._minutes(lambda: answering.playing(self._plan, self._largest, panel))

    @cached_property
    def signal_minutes(self) -> int:
        """Minutes to score a student's responses for the signal study, for the largest models."""
        return self._minutes(lambda: answering.signal_scoring(self._plan, self._largest, self._largest))

    @cached_property
    def _largest(self) -> Shape:
        return models.largest(models.shape_of(self._plan, name) for name in self._plan.config.models)

    def _mib(self, needed: Callable[[], int]) -> int:
        if not self.gpus:
            return _CPU_MIB
        try:
            return needed() // 2**20
        except UnknownShapeError:
            return _UNKNOWN_MIB

    def _minutes(self, planned: Callable[[], Job]) -> int:
        if self._plan.config.gpu is None:
            return _CPU_MINUTES
        try:
            job, device = planned(), DEVICES[self._plan.config.gpu]
        except UnknownShapeError:
            return _UNKNOWN_MINUTES
        return _START_MINUTES + round(_ROOM * work.seconds(job.work, device, job.rates) / 60)
