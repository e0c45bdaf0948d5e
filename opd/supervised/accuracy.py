"""Greedy accuracy on development problems, for choices made while training."""

from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from envs import Environment, Problem
from opd.rollout.respond import respond
from opd.rollout.response import Response
from opd.spec import SamplingSpec


def greedy_accuracy(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    environment: Environment,
    problems: int,
    max_new_tokens: int,
) -> float:
    """Share of development problems answered correctly with temperature 0, between 0 and 1."""
    chosen = environment.development_problems(problems)
    greedy = SamplingSpec(temperature=0, top_p=1, max_new_tokens=max_new_tokens)
    questions, keys = zip(
        *[(problem.question, f"development/{problem.id}") for problem in chosen], strict=True
    )
    responses = respond(model, tokenizer, questions, keys, greedy).responses()
    return sum(verified(responses, chosen, tokenizer, environment)) / len(chosen)


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
