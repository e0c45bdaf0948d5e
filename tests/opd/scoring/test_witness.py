"""Scores are recognised as those of the model and the tokens, or not."""

import math
import warnings
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from opd import models
from opd.batch import aligned, from_pairs
from opd.scoring.compare import compare
from opd.scoring.witness import alarm_if_uniform, rescore, token_log_prob
from tests.opd.specs import TINY

PAIRS = [([1, 2, 3, 4], [5, 6, 7, 8, 9]), ([9, 8], [7, 6, 5]), ([3], [4, 4, 200, 17, 30, 2])]


@pytest.fixture(scope="module", params=[aligned, from_pairs])
def batch(request):
    return request.param(PAIRS, 0)


def scored(student, teacher, batch, temperature=1.0):
    return compare(student, teacher, batch, 4, 64, "sampled", teacher_temperature=temperature)


def test_one_token_is_scored_as_by_the_whole_forward_pass(student):
    prompt, response = PAIRS[0]
    tokens = torch.tensor(prompt + response)
    with torch.no_grad():
        expected = (student(tokens[None]).logits[0].double() / 0.7).log_softmax(-1)
    for place in range(len(prompt), len(tokens)):
        found = token_log_prob(student, tokens, place, 0.7)
        assert found == pytest.approx(float(expected[place - 1, tokens[place]]), abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_right_scores_pass_and_shifted_or_foreign_ones_do_not(student, teacher, batch, temperature):
    found = scored(student, teacher, batch, temperature).teacher.sampled_log_prob
    for key in "abcd":
        rescore(teacher, batch, found, key, temperature)
        wrong = [(teacher, found.roll(1)), (student, found)]
        for model, scores in wrong:
            with pytest.raises(FloatingPointError, match="do not belong together"):
                rescore(model, batch, scores, key, temperature)
    with pytest.raises(FloatingPointError, match="by nan nats"):
        rescore(teacher, batch, found * torch.nan, "a", temperature)


@pytest.mark.parametrize("temperature", [0.1, 4.0])
def test_what_rounding_makes_of_scores_grows_as_logits_are_divided(teacher, batch, temperature):
    """Noise is of the logits: below temperature 1 it is divided, too; above, the limit stays."""
    right = scored(teacher, teacher, batch, temperature).teacher.sampled_log_prob
    limit = 0.01 / min(1.0, temperature)
    for share, stops in ((0.8, False), (1.2, True)):
        with pytest.raises(FloatingPointError, match="no rounding") if stops else nullcontext():
            rescore(teacher, batch, right + share * limit, "a", temperature)


def test_a_teacher_without_weights_is_noticed(student, tokenizer, batch):
    """Zeros, and what vLLM calls dummy weights: tiny random numbers."""
    for scale in (0.0, 1e-3):
        empty = models.build(TINY, tokenizer, seed=3)
        with torch.no_grad():
            for parameter in empty.parameters():
                parameter.uniform_(-scale, scale)
        scores = scored(student, empty, batch).teacher
        with pytest.warns(RuntimeWarning, match="as if its weights had not been loaded"):
            alarm_if_uniform(scores, 256, "warn")
        with pytest.raises(FloatingPointError, match=r"-ln 256 is -5\.55 nats"):
            alarm_if_uniform(scores, 256, "stop")


@pytest.mark.parametrize("mean", [-0.3, -4.9, -6.2, -30.0])
def test_a_teacher_with_an_opinion_is_not_suspected(student, teacher, batch, mean):
    scores = scored(student, teacher, batch).teacher
    assert abs(mean / math.log(256) + 1) > 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        confident = replace(scores, sampled_log_prob=torch.full_like(scores.sampled_log_prob, mean))
        alarm_if_uniform(confident, 256, "stop")
