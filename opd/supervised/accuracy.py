"""Greedy accuracy, for choices made while training."""

from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from envs import Environment, Problem
from opd.rollout.torch_engine import respond
from opd.spec import SamplingSpec
from opd.tasks.verified import verified


def greedy_accuracy(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    environment: Environment,
    problems: Sequence[Problem],
    max_new_tokens: int,
) -> float:
    """Share of the problems answered correctly with temperature 0, between 0 and 1."""
    greedy = SamplingSpec(temperature=0, top_p=1, max_new_tokens=max_new_tokens)
    questions, keys = zip(
        *[(problem.question, f"development/{problem.id}") for problem in problems], strict=True
    )
    responses = respond(model, tokenizer, questions, keys, greedy)
    return sum(verified(responses, problems, tokenizer, environment)) / len(problems)
