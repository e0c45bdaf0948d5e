"""Runs of a spec with the tiny models, one teacher for all tasks."""

from pathlib import Path

import torch
from torch import Tensor

from opd import distill, tasks, training
from opd.batch import TokenBatch
from opd.scoring.compare import Comparison
from opd.spec import DistillSpec


def started(spec: DistillSpec, folders: tuple[Path, Path]) -> distill.Run:
    """A run before its first step; `folders` are those of student and teacher."""
    student, teacher = folders
    loaded = {name: tasks.load(task) for name, task in spec.tasks.items()}
    return distill.start(spec, loaded, student, dict.fromkeys(loaded, teacher))


def accumulate(
    run: distill.Run, batch: TokenBatch, comparison: Comparison, advantage: Tensor, mask: Tensor
) -> float:
    """Add the gradient of a whole batch as one minibatch; returns its loss."""
    everywhere = torch.arange(len(batch.sampled))
    teacher = run.tasks[0].teacher
    return training.accumulate(
        run.spec, run.student, teacher, batch, everywhere, comparison, advantage, mask
    )[0]


def train(spec: DistillSpec, folders: tuple[Path, Path], out: Path) -> None:
    """A whole run."""
    student, teacher = folders
    distill.main(spec, student, dict.fromkeys(spec.tasks, teacher), out)
