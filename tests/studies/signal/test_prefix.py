"""The prefix probe against a plain greedy loop, and what counts as the teacher's answer."""

import numpy as np
import pytest
import torch

import envs
from opd.models import prompt_ids
from opd.rollout.response import Response
from studies.signal.prefix import cut, go_on, joined
from studies.signal.stored import load
from tests.studies.signal.scores import SPEC

PROMPTS, PREFIXES = [[4, 5, 6], [7, 8]], [[], [9, 10, 11, 12]]


def greedy(model, ids: list[int], end: int, cap: int) -> list[int]:
    """Most probable tokens one after the other, without a cache."""
    found: list[int] = []
    while len(found) < cap and (not found or found[-1] != end):
        found.append(int(model(torch.tensor([ids + found])).logits[0, -1].argmax()))
    return found


@pytest.mark.parametrize("batch_size", [1, 2])
def test_the_teacher_goes_on_greedily_within_the_cap(teacher, tokenizer, batch_size):
    responses = go_on(teacher, tokenizer, PROMPTS, PREFIXES, 10, batch_size)
    for prompt, prefix, response in zip(PROMPTS, PREFIXES, responses, strict=True):
        expected = greedy(teacher, prompt + prefix, tokenizer.eos_token_id, 10 - len(prefix))
        assert response.tokens == prefix + expected
        assert response.finished == (expected[-1] == tokenizer.eos_token_id)


def test_its_own_prefix_changes_nothing(teacher, tokenizer):
    alone = go_on(teacher, tokenizer, PROMPTS, [[], []], 10, 2)
    again = go_on(teacher, tokenizer, PROMPTS, [response.tokens[:4] for response in alone], 10, 2)
    assert [response.tokens for response in again] == [response.tokens for response in alone]
    assert [response.finished for response in again] == [response.finished for response in alone]


@pytest.mark.parametrize(
    ("cap", "tokens", "finished"), [(5, [1, 2, 3, 4, 5], True), (4, [1, 2, 3, 4], False)]
)
def test_an_end_beyond_the_cap_is_none(cap, tokens, finished):
    whole = joined([1, 2], Response([0], [3, 4, 5], finished=True, log_prob=0.0, log_probs=[]), cap)
    assert (whole.tokens, whole.finished) == (tokens, finished)


def test_every_cut_is_as_probable_as_the_others():
    cuts = [cut(0, number, [1, 2, 3]) for number in range(4000)]
    counts = np.bincount(cuts, minlength=4)
    assert len(counts) == 4
    assert abs(counts - 1000).max() < 4 * (4000 * 0.25 * 0.75) ** 0.5
    assert cut(0, 7, []) == 0


def test_what_is_stored_is_what_the_environment_says(stored, tokenizer, teacher):
    """Answers made again from the stored tokens: the student's part of each as long as the cut says."""
    scores, environment = load(stored["teacher"]), envs.load(SPEC.environment)
    problems = environment.training_problems(SPEC.seed, 0, SPEC.responses)
    written = scores.tokens.groupby("response").token.agg(list)
    assert scores.prefix.response.tolist() == list(range(SPEC.responses))
    assert scores.prefix.cut.nunique() > 2
    for row in scores.prefix.itertuples():
        own = written[row.response][: -1 if scores.responses.finished[row.response] else None]
        assert row.cut <= len(own)
        for name, kept in (("alone", []), ("after", own[: row.cut])):
            begun = prompt_ids(tokenizer, problems[row.response].question) + kept
            cap = SPEC.sampling.max_new_tokens - len(kept)
            ids = kept + greedy(teacher, begun, tokenizer.eos_token_id, cap)
            ended = ids[-1] == tokenizer.eos_token_id
            assert getattr(row, f"{name}_finished") == ended
            text = tokenizer.decode(ids, skip_special_tokens=True)
            (grade,) = environment.grade([(problems[row.response], text)])
            assert getattr(row, name) == (ended and grade.verdict == "correct")
