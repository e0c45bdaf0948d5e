"""What a grader returns."""

from dataclasses import dataclass
from typing import Literal

Decision = Literal["correct", "wrong", "ungraded"]


@dataclass(frozen=True)
class Grade:
    """The verdict on one answer, and how it came about.

    `reason` names the rule that decided, `answer` is what was extracted from the response (None: nothing
    was found), `seconds` the time that grading took. `ungraded` means that the grader failed: a timeout,
    a crash, an answer too long to be read. It never means that the answer is wrong.
    """

    verdict: Decision
    reason: str
    answer: str | None = None
    seconds: float = 0.0
