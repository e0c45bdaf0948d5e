"""Verdicts: every response is exactly one of correct, wrong, truncated and ungraded."""

from collections import Counter
from collections.abc import Iterable

from envs import Environment, Problem

VERDICTS = ("correct", "wrong", "truncated", "ungraded")


def verdict(environment: Environment, problem: Problem, response: str, finish_reason: str) -> str:
    """The verdict on one response.

    A response that reached the token cap is `truncated`, whatever it says: it never gave a final
    answer of its own. One that the verifier fails on is `ungraded`, never wrong.
    """
    if finish_reason == "length":
        return "truncated"
    try:
        return "correct" if environment.verify(problem, response) else "wrong"
    except Exception:
        return "ungraded"


def count(verdicts: Iterable[str]) -> dict[str, int]:
    """Responses per verdict with their total under `samples`, all verdicts present."""
    counts = Counter(verdicts)
    unknown = counts.keys() - set(VERDICTS)
    if unknown:
        raise ValueError(f"unknown verdicts {sorted(unknown)}; known: {', '.join(VERDICTS)}")
    return {"samples": counts.total(), **{name: counts[name] for name in VERDICTS}}
