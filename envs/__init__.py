"""Task environments (not conda files): each gives problems, words its prompts and verifies answers.

An environment knows nothing of models. Training draws problems from it, evaluation draws suites,
and both ask it to verify text. `envs.load(name)` is the only lookup.
"""

from envs.environment import Environment, Problem
from envs.registry import NAMES, load

__all__ = ["NAMES", "Environment", "Problem", "load"]
