"""Competition math: training prompts and suites from `eval.suites`, graded by `eval.grading`."""

import random
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import finalize

from envs.environment import Problem
from eval.grading import Grade
from eval.suites import PROMPTS, LoadedSuite, evaluation_suites, get, load
from programs.errors import UserError

if TYPE_CHECKING:
    from eval.grading.grader import Grader


class Math:
    """Every suite of `eval.suites` by name; `suites` are the five that an evaluation covers by default.

    `prompt` names a template of `eval.suites.PROMPTS`, "paper" is the wording of arXiv 2603.25562's code;
    `training_set` is one of `eval.suites.training_sets()`.
    """

    has_solutions = False
    suites = ("math500", "aime24", "aime25", "minerva_math", "olympiadbench")

    def __init__(self, prompt: str = "paper", training_set: str = "dapo_math_17k") -> None:
        self._template, self.training_set = PROMPTS[prompt], training_set
        self._loaded: dict[str, LoadedSuite] = {}

    def training_problems(self, seed: int, step: int, count: int) -> list[Problem]:
        """The step's `count` problems: epoch after epoch, each in an order of its own."""
        size = len(self._training)
        indices = range(step * count, (step + 1) * count)
        orders = {epoch: self._order(seed, epoch) for epoch in {index // size for index in indices}}
        return [self._training[orders[index // size][index % size]] for index in indices]

    def check_suite(self, suite: str, count: int | None) -> None:
        """UserError if there is no such suite; one with fewer than `count` problems is asked whole."""
        if suite not in evaluation_suites():
            raise UserError(f"math has no suite {suite!r}; it has {', '.join(evaluation_suites())}")

    def suite_problems(self, suite: str, count: int | None) -> list[Problem]:
        """The suite in its published order; its first `count` problems if a count is given.

        Raises what `eval.suites.load` raises: the suite is nowhere, or what was found is not the suite.
        """
        return self._problems(suite)[:count]

    def describe(self, suite: str) -> dict[str, str | int]:
        """What every result on the suite states: version, size, verified or not, checksum and source."""
        return self._load(suite).statement()

    def grade(self, answers: Sequence[tuple[Problem, str]]) -> list[Grade]:
        """The last `\\boxed{}` after the last `</think>` against the gold, by `eval.grading`."""
        return self._grader.responses([(problem.answer, response) for problem, response in answers])

    def group(self, answers: Sequence[str]) -> list[int]:
        """Answers are the same where the grader finds them equal."""
        return self._grader.group(answers)

    @cached_property
    def _grader(self) -> "Grader":
        """Its workers start at the first use and end with this object, at the latest with the program."""
        from eval.grading.grader import Grader

        grader = Grader()
        finalize(self, grader.close)
        return grader

    @cached_property
    def _training(self) -> list[Problem]:
        return self._problems(self.training_set)

    def _problems(self, suite: str) -> list[Problem]:
        return [
            Problem(item.id, self._template.format(problem=item.problem), item.answer)
            for item in self._load(suite).items
        ]

    def _load(self, suite: str) -> LoadedSuite:
        if suite not in self._loaded:
            self._loaded[suite] = load(get(suite))
        return self._loaded[suite]

    def _order(self, seed: int, epoch: int) -> list[int]:
        order = list(range(len(self._training)))
        random.Random(f"math/{seed}/{epoch}").shuffle(order)
        return order
