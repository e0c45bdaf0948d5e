"""Prompts that say more than a problem's question: its answer, its solution, or how to respond."""

import re
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator

from envs.environment import Problem
from envs.registry import Name, load

_FIELDS = ("question", "answer", "solution")
_FIELD = re.compile(rf"\{{({'|'.join(_FIELDS)})\}}")


def _asking(template: str) -> str:
    if "{question}" not in template:
        raise ValueError(
            "write {question} where the problem's question goes; {answer} and {solution} tell more"
        )
    for name in re.findall(r"\{(\w+)\}", template):
        if name not in _FIELDS and (close := get_close_matches(name, _FIELDS, cutoff=0.7)):
            raise ValueError(f"{{{name}}} would be told as it stands; did you mean {{{close[0]}}}?")
    return template


Prompt = Annotated[str, AfterValidator(_asking)]
"""A user message with `{question}` in it and, if it tells them, `{answer}` or `{solution}`; all else is as
written."""


def check_prompt(prompt: str | None, environment: Name | None) -> None:
    """ValueError for a prompt that tells what the environment's problems do not have."""
    if prompt and "{solution}" in prompt and not (environment and load(environment).has_solutions):
        raise ValueError(
            f"the problems of {environment} have no solution; write a prompt without {{solution}}"
        )


def own_words(prompt: str) -> list[str]:
    """What a prompt says besides its fields, word by word."""
    return _FIELD.sub(" ", prompt).split()


def worded(problem: Problem, prompt: str | None) -> str:
    """The user message that puts a problem: the prompt, its fields filled in; None: the question alone."""
    if prompt is None:
        return problem.question

    def told(field: re.Match[str]) -> str:
        if (value := getattr(problem, field[1])) is None:
            raise ValueError(f"problem {problem.id} has no {field[1]}, which the prompt tells")
        return value

    return _FIELD.sub(told, prompt)
