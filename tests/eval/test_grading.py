"""Every response has exactly one verdict, and a failed grading is never wrong."""

import pytest

import envs
from envs.environment import Problem
from eval.grading import count, verdict

PROBLEM = Problem("x", "x", "7")
RIGHT, WRONG = "<think> </think> \\boxed{7}", "<think> </think> \\boxed{8}"


class Broken:
    """An environment whose verifier crashes."""

    def verify(self, problem, response):
        raise RuntimeError("timeout")


@pytest.mark.parametrize(
    ("response", "finish_reason", "expected"),
    [
        (RIGHT, "stop", "correct"),
        (WRONG, "stop", "wrong"),
        ("", "stop", "wrong"),
        (RIGHT, "length", "truncated"),
        (WRONG, "length", "truncated"),
    ],
)
def test_verdicts(response, finish_reason, expected):
    assert verdict(envs.load("chain_arithmetic"), PROBLEM, response, finish_reason) == expected


def test_a_crash_of_the_verifier_is_ungraded():
    assert verdict(Broken(), PROBLEM, RIGHT, "stop") == "ungraded"
    assert verdict(Broken(), PROBLEM, RIGHT, "length") == "truncated"


def test_count_keeps_every_verdict_and_the_total():
    given = ["correct", "wrong", "correct", "truncated", "ungraded"]
    assert count(given) == {"samples": 5, "correct": 2, "wrong": 1, "truncated": 1, "ungraded": 1}
    assert count([]) == {"samples": 0, "correct": 0, "wrong": 0, "truncated": 0, "ungraded": 0}
    with pytest.raises(ValueError, match="unknown verdicts"):
        count(["correct", "right"])
