"""Prompts that say more than a problem's question: its answer, its solution, or how to respond."""

import re
from typing import Annotated

from pydantic import AfterValidator

from envs.environment import Problem
from envs.registry import Name, load

_FIELD = re.compile(r"\{(question|answer|solution)\}")


def _asking(template: str) -> str:
    if "{question}" not in template:
        raise ValueError(
            "write {question} where the problem's question goes; {answer} and {solution} tell more"
        )
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


def worded(problem: Problem, prompt: str | None) -> str:
    """The user message that puts a problem: the prompt, its fields filled in; None: the question alone."""
    if prompt is None:
        return problem.question

    def told(field: re.Match[str]) -> str:
        if (value := getattr(problem, field[1])) is None:
            raise ValueError(f"problem {problem.id} has no {field[1]}, which the prompt tells")
        return value

    return _FIELD.sub(told, prompt)
