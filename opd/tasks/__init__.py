"""The tasks that a student is trained on: where prompts come from, and what becomes of the responses."""

from opd.spec import TaskSpec
from opd.tasks.games import Games
from opd.tasks.problems import Problems
from opd.tasks.task import Task


def load(spec: TaskSpec) -> Task:
    """The task of a spec, ready to be asked."""
    if spec.games is not None:
        return Games(spec.games, spec.rollout)
    assert spec.environment is not None
    return Problems(spec.environment, spec.rollout, spec.teacher_prompt)


__all__ = ["Games", "Problems", "Task", "load"]
