"""The prefix probe: where a student's response breaks off, does the teacher still find the right answer?

A teacher scores every token of a student after what the student wrote before it. How far it can be trusted
there shows when it has to go on itself: it answers each problem greedily, once from the start and once from a
prefix of the student's response, cut at a random point. Both count against one cap, and both are graded
whole, the student's part included. The probe is that of arXiv 2605.11182 (section A.22), which does not say
how cuts were drawn.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

import envs
from opd.experience import Experience
from opd.models import end_ids, padding_id
from opd.rollout.response import Response
from opd.rollout.sampling import uniforms
from opd.rollout.torch_engine import generate
from opd.spec import SamplingSpec
from opd.tasks.verified import verified
from studies.signal.spec import ScoringSpec


def probe(
    spec: ScoringSpec, teacher: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, experience: Experience
) -> pd.DataFrame:
    """A line per response: `cut`, the student's tokens that are kept, and what came of it.

    `alone` and `after`: whether the teacher's answer is right, from the start and after the cut;
    `alone_finished` and `after_finished`: whether it ended by itself.
    """
    environment = envs.load(spec.environment)
    problems = environment.training_problems(spec.seed, 0, spec.responses)
    numbers = experience.episode.tolist()
    prompts = [experience.batch.prompt(row) for row in range(len(numbers))]
    responses = [written(experience, row) for row in range(len(numbers))]
    cuts = [cut(spec.seed, *each) for each in zip(numbers, responses, strict=True)]
    prefixes: dict[str, list[list[int]]] = {
        "alone": [[] for _ in responses],
        "after": [response[:kept] for response, kept in zip(responses, cuts, strict=True)],
    }
    table = pd.DataFrame({"response": numbers, "cut": cuts})
    asked = [problems[number] for number in numbers]
    for name, kept in prefixes.items():
        answers = go_on(teacher, tokenizer, prompts, kept, spec.sampling.max_new_tokens, spec.batch_size)
        table[name] = verified(answers, asked, tokenizer, environment)
        table[f"{name}_finished"] = [answer.finished for answer in answers]
    return table.sort_values("response", ignore_index=True)


def written(experience: Experience, row: int) -> list[int]:
    """Token ids of a response without its end token."""
    return experience.batch.response(row)[: -1 if experience.finished[row] else None]


def cut(seed: int, number: int, response: Sequence[int]) -> int:
    """How many tokens of a response are kept, from none to all, each number as probable as the others."""
    drawn = float(uniforms([f"prefix/{seed}/{number}"], 1))
    return int(drawn * (len(response) + 1))


def go_on(
    teacher: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[list[int]],
    prefixes: Sequence[list[int]],
    cap: int,
    batch_size: int,
) -> list[Response]:
    """The teacher's greedy responses that begin with the prefixes, cut off at `cap` tokens in all.

    `batch_size` of them are decoded at a time.
    """
    begun = [prompt + prefix for prompt, prefix in zip(prompts, prefixes, strict=True)]
    greedy = SamplingSpec(temperature=0, top_p=1, max_new_tokens=cap)
    ends, pad = end_ids(tokenizer, teacher.generation_config), padding_id(tokenizer)
    continued: list[Response] = []
    for start in range(0, len(begun), batch_size):
        batch = begun[start : start + batch_size]
        continued += generate(teacher, batch, torch.zeros(len(batch), cap), greedy, ends, pad)
    return [joined(prefix, response, cap) for prefix, response in zip(prefixes, continued, strict=True)]


def joined(prefix: list[int], response: Response, cap: int) -> Response:
    """A prefix and what follows it as one response, which has to end within the cap."""
    tokens = prefix + response.tokens
    return replace(response, tokens=tokens[:cap], finished=response.finished and len(tokens) <= cap)
