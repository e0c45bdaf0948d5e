"""The rules that every game is played by: domain and grammar as the installed alfworld package has them."""

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

_PACKAGES = ("alfworld", "textworld", "fast-downward-textworld")
_GOAL = "UNKNOWN GOAL"


@cache
def domain() -> str:
    """The PDDL domain: what can be done in a house."""
    return _read("alfred.pddl")


@cache
def grammar_template() -> str:
    """The grammar of commands and observations, without a goal."""
    return _read("alfred.twl2")


def grammar(goal: str) -> str:
    """The grammar with the goal in words put in; it adds the full stop."""
    return grammar_template().replace(_GOAL, goal)


def statement(grammar: Callable[[str], str] = grammar) -> dict[str, str]:
    """What every result states: versions of the engine's packages, MD5 of domain and grammar without a goal.

    `grammar` is the one in use: a goal in words -> the grammar with it.
    """
    checksums = {"domain_md5": _md5(domain()), "grammar_md5": _md5(grammar(_GOAL))}
    return {name: version(name) for name in _PACKAGES} | checksums


def folder() -> Path:
    """Where alfworld is installed, found without importing it; ModuleNotFoundError says how to install it."""
    spec = find_spec("alfworld")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("ALFWorld's engine is not installed: docs/alfworld.md says how")
    return Path(spec.submodule_search_locations[0])


def _read(name: str) -> str:
    return (folder() / "data" / name).read_text()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
