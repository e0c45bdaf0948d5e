"""Rows of any known copy to items. The columns of the copies differ; here is what each is called.

| copy | problem | answer | id |
|---|---|---|---|
| a folder's JSON Lines, Maxwell-Jia/AIME_2024 (capitals) | problem | answer | id |
| HuggingFaceH4/MATH-500 | problem | answer | unique_id |
| HuggingFaceH4/aime_2024, math-ai/aime25, yentinglin/aime_2025 | problem | answer | id |
| MathArena/aime_2025 | problem | answer | problem_idx |
| math-ai/aime24 | problem | solution (`\\boxed{204}`) | id |
| opencompass/AIME2025, math-ai/minervamath | question | answer | |
| svc-huggingface/minerva-math, Qwen2.5-Math's file | problem | solution (last `\\boxed`) | idx |
| Hothan/OlympiadBench, math-ai/olympiadbench | question | final_answer (a list) | id |
| EleutherAI/hendrycks_math | problem | solution (last `\\boxed`) | |
| openai/gsm8k | question | answer (after `####`) | |
| open-r1/DAPO-Math-17k-Processed | prompt | solution (the bare answer) | extra_info.index |
| BytedTsinghua-SIA/DAPO-Math-17k, verl's form | prompt (messages) | reward_model.ground_truth | the same |
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eval.suites.suite import Item, Suite
from eval.suites.text import last_boxed, problem_text
from programs.errors import UserError

_PROBLEM = ("problem", "question", "Problem", "prompt")
_ANSWER = ("answer", "Answer", "expected_answer", "final_answer")
_SOLUTION = ("solution", "Solution")
_ID = ("id", "unique_id", "ID", "problem_idx", "idx")


def items(suite: Suite, rows: Iterable[Mapping[str, Any]]) -> list[Item]:
    """The rows as items, in their order. UserError: a row has none of the known problem columns.

    A row without an answer gives an empty one; what that means is for the caller to say.
    """
    return [_item(suite, number, row) for number, row in enumerate(rows)]


def _item(suite: Suite, number: int, row: Mapping[str, Any]) -> Item:
    problem = _first(row, _PROBLEM)
    if problem is None:
        raise UserError(f"{suite.name}: row {number} has no problem; its columns are {', '.join(row)}")
    if not isinstance(problem, str):  # chat messages: the last one is the user's
        problem = problem[-1]["content"]
    return Item(_id(suite, number, row), problem_text(problem), suite.answer(_answer(row)))


def _answer(row: Mapping[str, Any]) -> str:
    answer = _first(row, _ANSWER)
    if answer is None:
        answer = (row.get("reward_model") or {}).get("ground_truth")
    if answer is None:
        solution = str(_first(row, _SOLUTION) or "")
        return last_boxed(solution) or solution
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        return ", ".join(str(part) for part in answer)
    return str(answer)


def _id(suite: Suite, number: int, row: Mapping[str, Any]) -> str:
    name = _first(row, _ID)
    if name is None:
        name = (row.get("extra_info") or {}).get("index")
    return f"{suite.name}-{number}" if name is None else str(name)


def _first(row: Mapping[str, Any], columns: Sequence[str]) -> Any:
    return next((row[column] for column in columns if row.get(column) not in (None, "", [])), None)
