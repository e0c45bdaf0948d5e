"""Task environments (not conda files): each gives problems, words its prompts and verifies answers.

An environment knows nothing of models. Training draws problems from it, evaluation draws suites,
and both ask it to grade text. `envs.load(name)` and `envs.environment_of(suite)` are the only lookups.
"""

from envs.environment import Environment, Problem
from envs.prompt import Prompt, check_prompt, own_words, worded
from envs.registry import NAMES, Name, environment_of, load

__all__ = [
    "NAMES",
    "Environment",
    "Name",
    "Problem",
    "Prompt",
    "check_prompt",
    "environment_of",
    "load",
    "own_words",
    "worded",
]
