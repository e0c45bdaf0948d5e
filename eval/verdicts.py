"""Verdicts: every response is exactly one of correct, wrong, truncated and ungraded."""

from collections import Counter
from collections.abc import Iterable, Sequence

from envs import Environment, Problem
from eval.grading import Grade
from programs.errors import UserError

VERDICTS = ("correct", "wrong", "truncated", "ungraded")


def verdicts(
    environment: Environment, answers: Sequence[tuple[Problem, str]], finish_reasons: Sequence[str]
) -> list[tuple[str, Grade | None]]:
    """(verdict, grade) per (problem, response).

    A response that reached the token cap is `truncated` and not graded, whatever it says: it never gave
    a final answer of its own.
    """
    ended = [reason != "length" for reason in finish_reasons]
    graded = iter(
        environment.grade([pair for pair, complete in zip(answers, ended, strict=True) if complete])
    )
    grades = [next(graded) if complete else None for complete in ended]
    return [("truncated" if grade is None else grade.verdict, grade) for grade in grades]


def count(given: Iterable[str]) -> dict[str, int]:
    """Responses per verdict, all of them present, with their total under `samples`; UserError for others."""
    counts = Counter(given)
    unknown = counts.keys() - set(VERDICTS)
    if unknown:
        raise UserError(f"unknown verdicts {sorted(unknown)}; known: {', '.join(VERDICTS)}")
    return {"samples": counts.total(), **{name: counts[name] for name in VERDICTS}}
