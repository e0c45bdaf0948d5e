"""The chain-arithmetic environment: five suites by chain length, drawn and verified."""

import random
import re
from collections.abc import Iterator

from envs.chain_arithmetic.demonstration import STYLES, demonstrate
from envs.chain_arithmetic.problem import TIERS, Chain, draw
from envs.environment import Problem

_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")


class ChainArithmetic:
    """Suites `chain2` .. `chain6` hold chains of that many operations."""

    suites = tuple(f"chain{tier}" for tier in TIERS)

    def training_problems(self, seed: int, step: int, count: int) -> list[Problem]:
        """`count` training problems with uniformly drawn lengths, a pure function of (seed, step)."""
        rng = random.Random(f"training/{seed}/{step}")
        return [_problem(draw(rng, rng.choice(TIERS), "training")) for _ in range(count)]

    def development_problems(self, count: int) -> list[Problem]:
        """`count` development problems with uniformly drawn lengths, always the same."""
        rng = random.Random("development")
        return [_problem(draw(rng, rng.choice(TIERS), "development")) for _ in range(count)]

    def suite_problems(self, suite: str, count: int | None) -> list[Problem]:
        """The first `count` problems of the suite, all distinct in what they compute."""
        if count is None:
            raise ValueError("chain-arithmetic suites are generated: say how many problems_per_suite")
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

    def verify(self, problem: Problem, response: str) -> bool:
        """Whether the last `\\boxed{}` after the last `</think>` holds the gold number."""
        _, closed, conclusion = response.rpartition("</think>")
        boxes = _BOXED.findall(conclusion) if closed else []
        return bool(boxes) and boxes[-1].strip() == problem.answer


def _problem(chain: Chain) -> Problem:
    return Problem(id=chain.question, question=chain.question, answer=str(chain.values[-1]))
