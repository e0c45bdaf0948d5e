"""What a task environment is: problems in, verdicts out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eval.grading import Grade


@dataclass(frozen=True)
class Problem:
    """One question with its gold answer.

    `id` names the problem across runs (statistics pair and cluster by it), `question` is the user
    message before any chat template, `answer` the gold in the form the verifier expects, `solution` what
    leads to it, where the environment knows.
    """

    id: str
    question: str
    answer: str
    solution: str | None = None


class Environment(Protocol):
    """A source of problems with a verifier.

    Generated training problems are never a suite's; published ones may be, and results then say how many
    (`python -m eval.suites contamination`).
    """

    @property
    def suites(self) -> Sequence[str]:
        """Names of the evaluation suites."""
        ...

    @property
    def training_set(self) -> str:
        """Name of the training problems, which `describe` takes, too."""
        ...

    @property
    def has_solutions(self) -> bool:
        """Whether its problems have a `solution`."""
        ...

    def describe(self, suite: str) -> dict[str, str | int]:
        """What every result on the suite states: its name, version and `status`, more where it was loaded."""
        ...

    def training_problems(self, seed: int, step: int, count: int) -> list[Problem]:
        """`count` training problems, a pure function of (seed, step)."""
        ...

    def check_suite(self, suite: str, count: int | None) -> None:
        """UserError if `suite_problems` could not give this, as far as can be told without its data."""
        ...

    def suite_problems(self, suite: str, count: int | None) -> list[Problem]:
        """The first `count` problems of an evaluation suite, always the same ones; None: all."""
        ...

    def grade(self, answers: Sequence[tuple[Problem, str]]) -> list[Grade]:
        """A grade per (problem, response), in order. Never raises: what cannot be graded is `ungraded`."""
        ...

    def group(self, answers: Sequence[str]) -> list[int]:
        """A label per extracted answer; answers that mean the same share one. For majority votes."""
        ...
