"""Runs of a spec with the tiny models, one teacher for all tasks."""

from pathlib import Path

from opd import distill, tasks
from opd.spec import DistillSpec


def started(spec: DistillSpec, folders: tuple[Path, Path]) -> distill.Run:
    """A run before its first step; `folders` are those of student and teacher."""
    student, teacher = folders
    loaded = {name: tasks.load(task) for name, task in spec.tasks.items()}
    return distill.start(spec, loaded, student, dict.fromkeys(loaded, teacher))


def train(spec: DistillSpec, folders: tuple[Path, Path], out: Path) -> None:
    """A whole run."""
    student, teacher = folders
    distill.main(spec, student, dict.fromkeys(spec.tasks, teacher), out)
