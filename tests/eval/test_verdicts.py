"""Every response has exactly one verdict, and a failed grading is never wrong."""

import pytest

import envs
from envs.environment import Problem
from eval.grading import Grade
from eval.verdicts import count, verdicts

PROBLEM = Problem("x", "x", "7")
RIGHT, WRONG = "<think> </think> \\boxed{7}", "<think> </think> \\boxed{8}"


class Failing:
    """An environment whose grader always fails."""

    def grade(self, answers):
        return [Grade("ungraded", "timeout") for _ in answers]


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
    environment = envs.load("chain_arithmetic")
    ((verdict, grade),) = verdicts(environment, [(PROBLEM, response)], [finish_reason])
    assert verdict == expected
    assert (grade is None) == (expected == "truncated")


def test_a_failed_grading_is_ungraded_and_keeps_its_place():
    answers = [(PROBLEM, RIGHT), (PROBLEM, RIGHT), (PROBLEM, WRONG)]
    given = verdicts(Failing(), answers, ["stop", "length", "stop"])
    assert [verdict for verdict, _ in given] == ["ungraded", "truncated", "ungraded"]


def test_count_keeps_every_verdict_and_the_total():
    given = ["correct", "wrong", "correct", "truncated", "ungraded"]
    assert count(given) == {"samples": 5, "correct": 2, "wrong": 1, "truncated": 1, "ungraded": 1}
    assert count([]) == {"samples": 0, "correct": 0, "wrong": 0, "truncated": 0, "ungraded": 0}
    with pytest.raises(ValueError, match="unknown verdicts"):
        count(["correct", "right"])
