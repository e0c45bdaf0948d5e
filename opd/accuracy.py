"""Greedy accuracy on development problems, for choices made while training."""

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from envs import Environment, Problem
from opd.models import prompt_ids
from opd.rollout.torch_engine import Rollouts, generate
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
    prompts = [prompt_ids(tokenizer, problem.question) for problem in chosen]
    greedy = SamplingSpec(temperature=0, top_p=1, max_new_tokens=max_new_tokens)
    uniform = torch.zeros(len(prompts), max_new_tokens)
    rollouts = generate(model, prompts, uniform, greedy, tokenizer.eos_token_id, tokenizer.pad_token_id)
    return sum(verified(rollouts, chosen, tokenizer, environment)) / len(chosen)


def verified(
    rollouts: Rollouts,
    problems: list[Problem],
    tokenizer: PreTrainedTokenizerBase,
    environment: Environment,
) -> list[bool]:
    """Per response, whether it ended by itself with the right answer."""
    texts = tokenizer.batch_decode(
        [rollouts.response(row) for row in range(len(problems))], skip_special_tokens=True
    )
    return [
        done and environment.verify(problem, text)
        for done, problem, text in zip(rollouts.finished.tolist(), problems, texts, strict=True)
    ]
