"""From questions to rollouts: the prompt, the end token, the streams and the log-probabilities."""

import pytest
import torch

import envs
from opd import models
from opd.rollout.respond import respond
from opd.rollout.sampling import uniforms
from opd.rollout.torch_engine import generate
from opd.spec import SamplingSpec

SAMPLED = SamplingSpec(temperature=0.7, top_p=0.9, max_new_tokens=20)


@pytest.fixture(scope="module")
def questions():
    return [problem.question for problem in envs.load("chain_arithmetic").training_problems(0, 0, 9)]


@pytest.fixture(scope="module")
def keys():
    return [f"key {row}" for row in range(9)]


def test_every_question_is_asked_in_the_chat_template(student, tokenizer, questions, keys):
    rollouts = respond(student, tokenizer, questions, keys, SAMPLED)
    prompts = [models.prompt_ids(tokenizer, question) for question in questions]
    assert [rollouts.batch.prompt(row) for row in range(9)] == prompts
    assert len({len(prompt) for prompt in prompts}) > 1
    expected = generate(
        student, prompts, uniforms(keys, 20), SAMPLED, [tokenizer.eos_token_id], tokenizer.pad_token_id
    )
    assert torch.equal(rollouts.batch.tokens, expected.batch.tokens)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.7, 1.0), (1.0, 0.5)])
def test_log_prob_is_that_of_the_forward_pass(student, tokenizer, questions, keys, temperature, top_p):
    """Against transformers' own logits, scaled and cut to the nucleus by hand, in float64."""
    sampling = SamplingSpec(temperature=temperature, top_p=top_p, max_new_tokens=20)
    rollouts = respond(student, tokenizer, questions, keys, sampling)
    for row in range(9):
        prompt, response = rollouts.batch.prompt(row), rollouts.batch.response(row)
        with torch.no_grad():
            logits = student(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
        own = logits.double().log_softmax(-1).gather(-1, torch.tensor(response)[:, None])[:, 0]
        assert rollouts.responses()[row].log_probs == pytest.approx(own.tolist(), abs=1e-4)
        expected = 0.0
        for distribution, token in zip((logits.double() / temperature).softmax(-1), response, strict=True):
            ordered = sorted(distribution.tolist(), reverse=True)
            size = next(n for n in range(1, 257) if sum(ordered[:n]) >= min(top_p, 1 - 1e-12))
            expected += float(torch.log(distribution[token] / sum(ordered[:size])))
        assert float(rollouts.log_prob[row]) == pytest.approx(expected, abs=1e-4)


def test_greedy_responses_are_certain(student, tokenizer, questions, keys):
    greedy = SamplingSpec(temperature=0, top_p=1, max_new_tokens=20)
    rollouts = respond(student, tokenizer, questions, keys, greedy)
    assert rollouts.log_prob.tolist() == [0] * 9
    other = respond(student, tokenizer, questions, keys[::-1], greedy)
    assert torch.equal(rollouts.batch.tokens, other.batch.tokens)


def test_a_tokenizer_without_padding_gives_the_same_responses(folders, student, questions, keys):
    tokenizer = models.load_tokenizer(folders[0])
    expected = respond(student, tokenizer, questions, keys, SAMPLED)
    tokenizer.pad_token = None
    assert tokenizer.pad_token_id is None
    rollouts = respond(student, tokenizer, questions, keys, SAMPLED)
    assert [rollouts.batch.response(row) for row in range(9)] == [
        expected.batch.response(row) for row in range(9)
    ]
    assert [rollouts.batch.prompt(row) for row in range(9)] == [
        expected.batch.prompt(row) for row in range(9)
    ]
