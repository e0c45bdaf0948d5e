"""The chain-arithmetic environment: five suites by chain length, drawn and verified."""

import random
import re
from collections.abc import Iterator, Sequence

from envs.chain_arithmetic.demonstration import STYLES, demonstrate
from envs.chain_arithmetic.problem import TIERS, Chain, draw, how_many
from envs.environment import Problem
from eval.grading import Grade
from programs.errors import UserError

_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")


class ChainArithmetic:
    """Suites `chain2` .. `chain6` hold chains of that many operations; a solution is the value after each."""

    suites = tuple(f"chain{tier}" for tier in TIERS)
    training_set = "chain_training"
    has_solutions = True

    def describe(self, suite: str) -> dict[str, str | int]:
        """Name, version and the status `generated`."""
        return {"suite": suite, "version": "1", "status": "generated"}

    def training_problems(self, seed: int, step: int, count: int) -> list[Problem]:
        """`count` training problems with uniformly drawn lengths, a pure function of (seed, step)."""
        rng = random.Random(f"training/{seed}/{step}")
        return [_problem(draw(rng, rng.choice(TIERS), "training")) for _ in range(count)]

    def development_problems(self, count: int) -> list[Problem]:
        """`count` problems with uniformly drawn lengths, always the same, for choices before evaluation."""
        rng = random.Random("development")
        return [_problem(draw(rng, rng.choice(TIERS), "development")) for _ in range(count)]

    def check_suite(self, suite: str, count: int | None) -> None:
        """UserError for another environment's suite, for no count, or for one above what there is."""
        if suite not in self.suites:
            raise UserError(f"chain_arithmetic has no suite {suite!r}; it has {', '.join(self.suites)}")
        if count is None:
            raise UserError(f"{suite} is generated; write how many problems_per_suite (--limit)")
        if (found := how_many(self._length(suite), "suite", count)) < count:
            raise UserError(
                f"{suite} has {found} distinct problems, not {count}; write problems_per_suite (--limit) of "
                f"{found} or less"
            )

    def suite_problems(self, suite: str, count: int | None) -> list[Problem]:
        """The first `count` problems of the suite, all distinct in what they compute."""
        self.check_suite(suite, count)
        assert count is not None
        rng, length = random.Random(f"suite/{suite}"), self._length(suite)
        chains: dict[tuple, Chain] = {}
        while len(chains) < count:
            chain = draw(rng, length, "suite")
            chains.setdefault((chain.start, chain.operations), chain)
        return [_problem(chain) for chain in chains.values()]

    def demonstrations(
        self, style: str, length: int, seed: int | str, stops_early: bool = False
    ) -> Iterator[tuple[Problem, str]]:
        """Endless problems of the training split, each with a response to learn from in pretraining.

        Style and early stops: see `envs.chain_arithmetic.demonstration`.
        """
        rng = random.Random(f"demonstrations/{style}/{length}/{seed}")
        while True:
            chain = draw(rng, length, "training")
            yield _problem(chain), demonstrate(chain, STYLES[style], rng, stops_early)

    def grade(self, answers: Sequence[tuple[Problem, str]]) -> list[Grade]:
        """Correct where the last `\\boxed{}` after the last `</think>` holds the gold number."""
        return [_grade(problem, response) for problem, response in answers]

    def group(self, answers: Sequence[str]) -> list[int]:
        """Answers are the same where they are written the same."""
        labels = {answer: label for label, answer in enumerate(dict.fromkeys(answers))}
        return [labels[answer] for answer in answers]

    def _length(self, suite: str) -> int:
        return TIERS[self.suites.index(suite)]


def _grade(problem: Problem, response: str) -> Grade:
    _, closed, conclusion = response.rpartition("</think>")
    boxes = _BOXED.findall(conclusion) if closed else []
    if not boxes:
        return Grade("wrong", "no box after </think>")
    answer = boxes[-1].strip()
    return Grade("correct" if answer == problem.answer else "wrong", "compared as text", answer)


def _problem(chain: Chain) -> Problem:
    values = [str(value) for value in chain.values]
    return Problem(chain.question, chain.question, answer=values[-1], solution=" ".join(values))
