"""Models that teach, and the tasks that they teach."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel

from opd import models
from opd.parallel import sharding
from opd.spec import DistillSpec, RolloutSpec, TaskSpec
from opd.tasks import Task
from opd.vocabulary import refuse_other_tokens
from programs.errors import UserError


@dataclass(frozen=True)
class TaughtTask:
    """A task, and the model that teaches it. Only the first rank has the task, and collects for all.

    `place` is among the `alike` tasks of the run that draw from the same problems or games.
    """

    name: str
    task: Task | None
    teacher: PreTrainedModel
    rollout: RolloutSpec
    place: int = 0
    alike: int = 1

    def draw(self, step: int) -> int:
        """Which draw of problems and random streams the task's own step number `step` has.

        Two tasks on the same problems have different draws; else their teachers would score the same
        responses.
        """
        return step * self.alike + self.place


def load_teachers(
    spec: DistillSpec, student: Path, folders: Mapping[str, Path]
) -> dict[str, PreTrainedModel]:
    """The teacher of each task, frozen; a model that teaches several is there once.

    UserError if `folders` are not of the tasks, if their tokens are not the student's, or if teachers are to
    follow a student that they are not.
    """
    if folders.keys() != spec.tasks.keys():
        raise UserError(f"--teachers must name {', '.join(spec.tasks)}, and names {', '.join(folders)}")
    if spec.teacher_decay < 1 and {*folders.values()} != {student}:
        raise UserError(
            f"teacher_decay {spec.teacher_decay} is of teachers that start as the student; for each of "
            f"--teachers write {student}"
        )
    for folder in dict.fromkeys(folders.values()):
        refuse_other_tokens(student, folder)
    loaded = {
        folder: sharding.teacher(models.load(folder).requires_grad_(False), spec.memory)
        for folder in dict.fromkeys(folders.values())
    }
    for folder, model in loaded.items():
        refuse_other_ids(folder, model, spec.vocabulary_size)
    return {name: loaded[folder] for name, folder in folders.items()}


def refuse_other_ids(folder: Path, model: PreTrainedModel, vocabulary_size: int) -> None:
    """UserError unless the model has as many token ids as it should."""
    if model.config.vocab_size != vocabulary_size:
        raise UserError(
            f"{folder} has {model.config.vocab_size} token ids, the spec says {vocabulary_size}; student and "
            "teachers must share one vocabulary"
        )


def taught_tasks(
    tasks: Mapping[str, TaskSpec], loaded: Mapping[str, Task], teachers: Mapping[str, PreTrainedModel]
) -> list[TaughtTask]:
    """The tasks of a run in their order."""
    sources = {name: (task.environment, task.games and task.games.panel) for name, task in tasks.items()}
    found = []
    for name, task in tasks.items():
        alike = [other for other, source in sources.items() if source == sources[name]]
        place = alike.index(name)
        found.append(TaughtTask(name, loaded.get(name), teachers[name], task.rollout, place, len(alike)))
    return found
