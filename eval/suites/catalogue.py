"""The suites by name: every module in `evaluation/` and `training/` that defines `SUITE`."""

from functools import cache
from importlib import import_module
from pathlib import Path

from eval.suites.suite import Suite
from programs.errors import UserError


@cache
def _catalogue(folder: str) -> dict[str, Suite]:
    stems = sorted(path.stem for path in (Path(__file__).parent / folder).glob("[!_]*.py"))
    return {stem: import_module(f"eval.suites.{folder}.{stem}").SUITE for stem in stems}


def evaluation_suites() -> tuple[str, ...]:
    """Names of the evaluation suites."""
    return tuple(_catalogue("evaluation"))


def training_sets() -> tuple[str, ...]:
    """Names of the lists of training prompts."""
    return tuple(_catalogue("training"))


def get(name: str) -> Suite:
    """The suite or training set of that name; UserError's message lists the known ones."""
    suites = _catalogue("evaluation") | _catalogue("training")
    if name not in suites:
        raise UserError(f"unknown suite {name!r}; known: {', '.join(suites)}")
    return suites[name]
