"""Competition math: the paper's training prompts and five suites, from a folder of JSON Lines.

`$OPD_MATH_DATA` names the folder. It holds `<suite>.jsonl` for each suite and
`train_dapo_math_17k.jsonl`, with `id`, `problem` and `answer` per line. The data is not shipped: its
licences differ.
"""

import json
import os
import random
import re
from functools import cached_property
from pathlib import Path

from envs.environment import Problem

# arXiv 2603.25562, code: agent_system/environments/prompts/math.py. Its wording, as the protocol asks.
PROMPT = (
    "Math problem: {problem}\n\n"
    "Please carefully reason through the math problem step by step and derive the correct answer. "
    "You must conduct reasoning inside <think> and </think> and give the final answer within \\boxed{{}}.\n"
)
TRAINING_FILE = "train_dapo_math_17k"
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Math:
    """Suites by file name; answers compared by math-verify."""

    suites = ("math500", "aime24", "aime25", "minerva_math", "olympiadbench")

    def training_problems(self, seed: int, step: int, count: int) -> list[Problem]:
        """The step's `count` problems: epoch after epoch, each in an order of its own."""
        problems = []
        for index in range(step * count, (step + 1) * count):
            epoch, place = divmod(index, len(self._training))
            problems.append(self._training[self._order(seed, epoch)[place]])
        return problems

    def development_problems(self, count: int) -> list[Problem]:
        """Refused: every labelled problem is either for training or in a suite."""
        raise NotImplementedError("the math environment has no development split; select models elsewhere")

    def suite_problems(self, suite: str, count: int | None) -> list[Problem]:
        """The suite in its file's order; its first `count` problems if a count is given."""
        return _read(suite)[:count]

    def verify(self, problem: Problem, response: str) -> bool:
        """Whether the last `\\boxed{}` after the last `</think>` equals the gold; raises if ungradable."""
        from math_verify import parse, verify
        from math_verify.parser import LatexExtractionConfig

        conclusion = response.rpartition("</think>")[2]
        if "\\boxed" not in conclusion:
            return False
        boxed = LatexExtractionConfig(boxed_match_priority=0)
        answer = parse(conclusion, [boxed], fallback_mode="no_fallback", raise_on_error=True)
        gold = parse(f"${problem.answer}$", raise_on_error=True)
        return bool(verify(gold, answer, raise_on_error=True))

    @cached_property
    def _training(self) -> list[Problem]:
        """English training problems; a question with two answers is dropped, a repeated one kept once."""
        answers: dict[str, set[str]] = {}
        first: dict[str, Problem] = {}
        for problem in _read(TRAINING_FILE):
            answers.setdefault(problem.question, set()).add(problem.answer)
            first.setdefault(problem.question, problem)
        return [
            problem
            for question, problem in first.items()
            if len(answers[question]) == 1 and not _CHINESE.search(question)
        ]

    def _order(self, seed: int, epoch: int) -> list[int]:
        order = list(range(len(self._training)))
        random.Random(f"math/{seed}/{epoch}").shuffle(order)
        return order


def _read(name: str) -> list[Problem]:
    folder = os.environ.get("OPD_MATH_DATA")
    if folder is None:
        raise FileNotFoundError(
            "the math environment reads its data from a folder: set OPD_MATH_DATA to one that holds "
            f"{name}.jsonl (id, problem and answer per line)"
        )
    with (Path(folder) / f"{name}.jsonl").open() as file:
        rows = [json.loads(line) for line in file]
    return [
        Problem(str(row["id"]), PROMPT.format(problem=row["problem"]), str(row["answer"])) for row in rows
    ]
