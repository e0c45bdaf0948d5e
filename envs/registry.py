"""The environments by name."""

from envs.chain_arithmetic import ChainArithmetic
from envs.environment import Environment
from envs.math import Math

_ENVIRONMENTS: dict[str, type[Environment]] = {"chain_arithmetic": ChainArithmetic, "math": Math}

NAMES = tuple(_ENVIRONMENTS)


def load(name: str) -> Environment:
    """The environment of that name; KeyError's message lists the known ones."""
    if name not in _ENVIRONMENTS:
        raise KeyError(f"unknown environment {name!r}; known: {', '.join(NAMES)}")
    return _ENVIRONMENTS[name]()
