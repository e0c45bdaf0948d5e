"""Whether responses solve their problems."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from envs import Environment, Problem
from opd.rollout.response import Response


def verified(
    responses: Sequence[Response],
    problems: Sequence[Problem],
    tokenizer: PreTrainedTokenizerBase,
    environment: Environment,
) -> list[bool]:
    """Per response, whether it ended by itself with the right answer."""
    texts = tokenizer.batch_decode([each.tokens for each in responses], skip_special_tokens=True)
    grades = environment.grade(list(zip(problems, texts, strict=True)))
    return [
        response.finished and grade.verdict == "correct"
        for response, grade in zip(responses, grades, strict=True)
    ]
