"""The models and panels that a target needs."""

from collections.abc import Iterable, Iterator

from workflows.config.studies import SubjectConfig
from workflows.plan import Plan


def models_of(plan: Plan, target: str) -> set[str]:
    """Names of the models behind `target` (`all` or `full`), with those that they are made from."""
    names = list(_of_rows(plan, _rows(plan, target)))
    if signal := plan.config.signal:
        names += [name for name in (signal.student, signal.teacher, signal.respelled) if name]
    return plan.config.with_parents(names)


def panels_of(plan: Plan, target: str) -> list[str]:
    """Names of the panels that models of a target play or learn from, in the order of the config."""
    played = {panel for study in plan.studies_of(target) for panel in plan.studies[study].panels}
    return [name for name in plan.config.panels if name in played | set(_learnt_from(plan, target))]


def _learnt_from(plan: Plan, target: str) -> Iterator[str]:
    experiments = {row.experiment for row in _rows(plan, target) if row.experiment}
    tasks = [task for name in experiments for task in plan.config.experiments[name].teachers]
    for model in (plan.config.models[name] for name in models_of(plan, target)):
        if model.reinforce:
            tasks.append(model.reinforce.task)
        if model.pretrain and (lesson := model.pretrain.tasks.alfworld):
            yield from (lesson.demonstrations, lesson.panel)
    yield from (games.panel for task in tasks if (games := plan.config.tasks[task].games))


def _rows(plan: Plan, target: str) -> list[SubjectConfig]:
    rows = [row for study in plan.studies_of(target) for row in plan.studies[study].rows]
    return [*rows, *plan.failures]


def _of_rows(plan: Plan, rows: Iterable[SubjectConfig]) -> Iterator[str]:
    for row in rows:
        if row.model:
            yield row.model
        else:
            experiment = plan.config.experiments[str(row.experiment)]
            yield from (experiment.student, *experiment.teachers.values())
