"""The chain-arithmetic environment: five suites by chain length, drawn and verified."""

import random
import re
from collections.abc import Iterator, Sequence

from envs.chain_arithmetic.demonstration import STYLES, demonstrate
from envs.chain_arithmetic.problem import TIERS, Chain, draw
from envs.environment import Problem
from eval.grading import Grade
from programs.errors import UserError

_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")


class ChainArithmetic:
    """Suites `chain2` .. `chain6` hold chains of that many operations."""

    suites = tuple(f"chain{tier}" for tier in TIERS)
    training_set = "chain_training"

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

    def suite_problems(self, suite: str, count: int | None) -> list[Problem]:
        """The first `count` problems of the suite, all distinct in what they compute."""
        if count is None:
            raise UserError("chain-arithmetic suites are generated: say how many problems_per_suite")
        rng = random.Random(f"suite/{suite}")
        length = TIERS[self.suites.index(suite)]
        chains: dict[tuple, Chain] = {}
        while len(chains) < count:
            chain = draw(rng, length, "suite")
            chains.setdefault((chain.start, chain.operations), chain)
        return [_problem(chain) for chain in chains.values()]

    def demonstrations(self, style: str, length: int, seed: int) -> Iterator[tuple[str, str]]:
        """Endless (question, response) pairs for pretraining, from the training split."""
        rng = random.Random(f"demonstrations/{style}/{length}/{seed}")
        while True:
            chain = draw(rng, length, "training")
            yield chain.question, demonstrate(chain, STYLES[style], rng)

    def grade(self, answers: Sequence[tuple[Problem, str]]) -> list[Grade]:
        """Correct where the last `\\boxed{}` after the last `</think>` holds the gold number."""
        return [_grade(problem, response) for problem, response in answers]

    def group(self, answers: Sequence[str]) -> list[int]:
        """Answers are the same where they are written the same."""
        labels = {answer: label for label, answer in enumerate(dict.fromkeys(answers))}
        return [labels[answer] for answer in answers]


def _grade(problem: Problem, response: str) -> Grade:
    _, closed, conclusion = response.rpartition("</think>")
    boxes = _BOXED.findall(conclusion) if closed else []
    if not boxes:
        return Grade("wrong", "no box after </think>")
    answer = boxes[-1].strip()
    return Grade("correct" if answer == problem.answer else "wrong", "compared as text", answer)


def _problem(chain: Chain) -> Problem:
    return Problem(id=chain.question, question=chain.question, answer=str(chain.values[-1]))
