"""What each sample of a problem votes for in a majority vote."""

from collections.abc import Sequence

from envs import Environment
from eval.grading import Grade
from eval.statistics.majority import ABSTAINS

RIGHT = 0


def votes(environment: Environment, grades: Sequence[Grade | None]) -> list[int]:
    """A vote per sample of one problem, as `maj_at_q` takes them.

    RIGHT for a correct answer, a positive label shared by wrong answers that mean the same, ABSTAINS
    where there is no answer: none extracted, or a truncated response (None). Nor does an answer vote that
    the grader failed on: nobody knows what it says, and a failure never counts as wrong.
    """
    wrong = [g.answer for g in grades if g and g.verdict == "wrong" and g.answer is not None]
    different = list(dict.fromkeys(wrong))
    labels = dict(zip(different, environment.group(different), strict=True))
    return [_vote(grade, labels) for grade in grades]


def _vote(grade: Grade | None, labels: dict[str, int]) -> int:
    if grade is None or grade.answer is None or grade.verdict == "ungraded":
        return ABSTAINS
    return RIGHT if grade.verdict == "correct" else RIGHT + 1 + labels[grade.answer]
