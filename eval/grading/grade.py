"""What a grader returns."""

from dataclasses import dataclass
from typing import Literal

Decision = Literal["correct", "wrong", "ungraded"]
Variant = Literal["strict", "lenient"]
VARIANTS: tuple[Variant, ...] = ("strict", "lenient")


@dataclass(frozen=True)
class Grade:
    """The verdict on one answer, and how it came about.

    `reason` names the rule that decided, `answer` is what was extracted from the response (None: nothing
    was found), `seconds` the time that grading took. `ungraded` means that the grader failed: a timeout,
    a crash, an answer too long to be read. It never means that the answer is wrong.

    `strict` and `lenient` say whether the response is correct under the strict conventions and with lenient
    extraction; None where that was not asked, or cannot differ from the verdict.
    """

    verdict: Decision
    reason: str
    answer: str | None = None
    seconds: float = 0.0
    strict: bool | None = None
    lenient: bool | None = None

    def correct(self, variant: Variant | None = None) -> bool:
        """Whether the response is correct; under a variant of the rules if one is named."""
        other = None if variant is None else getattr(self, variant)
        return self.verdict == "correct" if other is None else other
