"""The environments by name."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from envs.chain_arithmetic import ChainArithmetic
from envs.environment import Environment
from envs.math import Math
from eval.suites import evaluation_suites
from programs.errors import UserError

_ENVIRONMENTS: dict[str, Callable[[], Environment]] = {
    "chain_arithmetic": ChainArithmetic,
    "math": Math,
    # The same suites in the wording of Qwen2.5-Math, and MATH's own training problems.
    "math_plain": partial(Math, prompt="plain", training_set="math_train"),
}

NAMES = tuple(_ENVIRONMENTS)
Name = Literal[NAMES]  # type: ignore[valid-type]


def load(name: str) -> Environment:
    """The environment of that name; UserError's message lists the known ones."""
    if name not in _ENVIRONMENTS:
        raise UserError(f"unknown environment {name!r}; known: {', '.join(NAMES)}")
    return _ENVIRONMENTS[name]()


def environment_of(suite: str) -> str:
    """The name of the environment that has the suite; UserError's message lists the known suites.

    All suites of `eval.suites` are `math`'s, also those that it does not cover by default.
    """
    known = {name: load(name).suites for name in NAMES} | {"math": evaluation_suites()}
    for name, its_suites in known.items():
        if suite in its_suites:
            return name
    names = ", ".join(dict.fromkeys(each for its_suites in known.values() for each in its_suites))
    raise UserError(f"unknown suite {suite!r}; known: {names}")
