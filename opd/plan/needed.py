"""The models that a target needs."""

from collections.abc import Iterable, Iterator

from workflows.config.studies import SubjectConfig
from workflows.plan import Plan


def models_of(plan: Plan, target: str) -> set[str]:
    """Names of the models behind `target` (`all` or `full`), with those that they are made from."""
    rows: list[SubjectConfig] = [row for study in plan.studies_of(target) for row in plan.studies[study].rows]
    signal = plan.config.signal
    rows += signal.failures if signal else ()
    names = list(_of_rows(plan, rows))
    if signal:
        names += [name for name in (signal.student, signal.teacher, signal.respelled) if name]
    return plan.config.with_parents(names)


def _of_rows(plan: Plan, rows: Iterable[SubjectConfig]) -> Iterator[str]:
    for row in rows:
        if row.model:
            yield row.model
        else:
            experiment = plan.config.experiments[str(row.experiment)]
            yield from (experiment.student, *experiment.teachers.values())
