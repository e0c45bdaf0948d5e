"""Grading of math answers: a response goes in, a verdict with its reason comes out.

    with Grader() as grader:
        grades = grader.responses([(gold, response), ...])

`extract` finds the final answer, `tokens`, `units` and `expression` read it, `answer` says what it is (a
value, a list, an interval, ...), `compare` decides with the rules of `conventions`, and `symbolic` asks
math-verify about the rest. `grader` runs all this in workers that can be killed. `Grade` is what every
environment's grader returns. The package imports nothing else of the project but `programs`.
"""

from eval.grading.conventions import DEFAULT, STRICT, Conventions
from eval.grading.grade import VARIANTS, Grade, Variant
from eval.grading.grader import Grader

__all__ = ["DEFAULT", "STRICT", "VARIANTS", "Conventions", "Grade", "Grader", "Variant"]
