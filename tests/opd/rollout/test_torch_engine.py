"""The torch engine against `model.generate` and forward passes, and its independence of batching."""

import pytest
import torch

import envs
from opd import models
from opd.batch import from_pairs
from opd.lm_head import head_of
from opd.rollout.sampling import uniforms
from opd.rollout.torch_engine import generate, respond
from opd.scoring.compare import hidden_states
from opd.spec import ArchitectureSpec, SamplingSpec
from tests.opd.rollout.asking import asking

GREEDY = SamplingSpec(temperature=0, top_p=1, max_new_tokens=40)
SAMPLED = SamplingSpec(temperature=1, top_p=0.9, max_new_tokens=40)


@pytest.fixture(scope="module")
def prompts(tokenizer):
    problems = envs.load("chain_arithmetic").training_problems(0, 0, 24)
    return [models.prompt_ids(tokenizer, problem.question) for problem in problems]


@pytest.fixture(scope="module")
def ending(tokenizer, student):
    """A token that the student often says, so that responses end at many different lengths."""
    uniform = torch.rand(64, 40, generator=torch.Generator().manual_seed(0))
    responses = generate(student, [[1, 2, 3]] * 64, uniform, SAMPLED, (), tokenizer.pad_token_id)
    return int(counts(responses).argmax())


@pytest.fixture(scope="module")
def asked():
    return asking(9)


def said(responses) -> list[list[int]]:
    """Token ids of every response."""
    return [response.tokens for response in responses]


def counts(responses) -> torch.Tensor:
    """(256,) how often each token stands in the responses."""
    return torch.tensor([token for tokens in said(responses) for token in tokens]).bincount(minlength=256)


def run(model, prompts, sampling, end, pad, keys=None):
    keys = keys or [f"sample {row}" for row in range(len(prompts))]
    return generate(model, prompts, uniforms(keys, sampling.max_new_tokens), sampling, (end,), pad)


def test_greedy_tokens_equal_generate(student, tokenizer, prompts):
    pad = tokenizer.pad_token_id
    width = max(map(len, prompts))
    padded = torch.tensor([[pad] * (width - len(p)) + p for p in prompts], device=student.device)
    real = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=student.device)
    # The most frequent greedy tokens serve as end tokens, so that rows stop at different steps.
    free = student.generate(
        padded, attention_mask=real, do_sample=False, max_new_tokens=40, eos_token_id=None, pad_token_id=pad
    )[:, width:]
    ends = torch.bincount(free.flatten()).argsort(descending=True)[:6].tolist()
    lengths = set()
    for end in [-1, *ends]:
        responses = run(student, prompts, GREEDY, end, pad)
        for response, tokens in zip(responses, free.tolist(), strict=True):
            stop = tokens.index(end) + 1 if end in tokens else 40
            assert response.tokens == tokens[:stop]
            assert response.finished is (end in tokens)
            lengths.add(stop)
    assert len(lengths) > 5


def test_greedy_equals_generate_with_grouped_query_attention(tokenizer, prompts):
    model = models.build(
        ArchitectureSpec(hidden_size=32, intermediate_size=32, layers=2, heads=4), tokenizer, seed=5
    )
    config = model.config
    config.num_key_value_heads = 2
    config.tie_word_embeddings = True
    torch.manual_seed(0)
    model = type(model)(config).eval().to(models.device())
    ids = torch.tensor([prompts[0], prompts[0]], device=model.device)
    expected = model.generate(ids, do_sample=False, max_new_tokens=40, eos_token_id=None, pad_token_id=0)
    responses = run(model, [prompts[0], prompts[0]], GREEDY, -1, 0)
    assert said(responses) == expected[:, len(prompts[0]) :].tolist()


def test_samples_do_not_depend_on_the_batch(student, tokenizer, prompts, ending):
    pad = tokenizer.pad_token_id
    keys = [f"sample {row}" for row in range(len(prompts))]
    together = said(run(student, prompts, SAMPLED, ending, pad, keys))
    assert len({len(tokens) for tokens in together}) > 5  # the cache was compacted on the way
    backwards = said(run(student, prompts[::-1], SAMPLED, ending, pad, keys[::-1]))
    assert backwards == together[::-1]
    for row in range(0, len(prompts), 5):
        assert said(run(student, [prompts[row]], SAMPLED, ending, pad, [keys[row]])) == [together[row]]


def test_a_response_is_what_was_drawn_up_to_the_end_token(student, tokenizer, prompts, ending):
    responses = run(student, prompts, SAMPLED, ending, tokenizer.pad_token_id)
    for prompt, response in zip(prompts, responses, strict=True):
        assert response.prompt == prompt
        assert ending not in response.tokens[:-1]
        assert (response.tokens[-1] == ending) is response.finished
        assert response.finished or len(response.tokens) == 40
        assert len(response.log_probs) == len(response.tokens)


def test_the_first_of_several_end_tokens_ends_a_response(student, tokenizer, prompts):
    """As the responses without any end, each cut behind its first end token, whichever that is."""
    keys, pad = [f"sample {row}" for row in range(len(prompts))], tokenizer.pad_token_id
    endless = generate(student, prompts, uniforms(keys, 40), SAMPLED, (), pad)
    ends = counts(endless).argsort(descending=True)[:2].tolist()
    responses = generate(student, prompts, uniforms(keys, 40), SAMPLED, ends, pad)
    for response, whole in zip(responses, said(endless), strict=True):
        cut = next((place for place, token in enumerate(whole) if token in ends), len(whole))
        assert response.tokens == whole[: cut + 1]
        assert response.finished is (cut < len(whole))
    assert {response.tokens[-1] for response in responses} >= set(ends)


def test_sampling_follows_the_models_probabilities(student, tokenizer):
    """First tokens drawn many times have the frequencies of the model's forward pass."""
    prompt, count = [1, 5, 9, 2], 4000
    one = SamplingSpec(temperature=1, top_p=1, max_new_tokens=1)
    responses = run(student, [prompt] * count, one, -1, tokenizer.pad_token_id)
    states = hidden_states(student, from_pairs([(prompt, responses[0].tokens)], 0).to(student.device))
    expected = head_of(student).logits(states).softmax(-1)[0].detach().cpu()
    assert (counts(responses) / count - expected).abs().max() < 4 * (0.25 / count) ** 0.5


def test_every_question_is_asked_in_the_chat_template(student, tokenizer, asked):
    questions, keys = asked
    prompts = [models.prompt_ids(tokenizer, question) for question in questions]
    assert len({len(prompt) for prompt in prompts}) > 1
    responses = respond(student, tokenizer, questions, keys, SAMPLED)
    assert [response.prompt for response in responses] == prompts
    expected = run(student, prompts, SAMPLED, tokenizer.eos_token_id, tokenizer.pad_token_id, keys)
    assert said(responses) == said(expected)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.7, 1.0), (1.0, 0.5)])
def test_log_prob_is_that_of_the_forward_pass(student, tokenizer, asked, temperature, top_p):
    """Against transformers' own logits, scaled and cut to the nucleus by hand, in float64."""
    sampling = SamplingSpec(temperature=temperature, top_p=top_p, max_new_tokens=20)
    for response in respond(student, tokenizer, *asked, sampling):
        prompt, tokens = response.prompt, response.tokens
        with torch.no_grad():
            logits = student(torch.tensor([prompt + tokens], device=student.device)).logits
        logits = logits[0, len(prompt) - 1 : -1].double().cpu()
        own = logits.log_softmax(-1).gather(-1, torch.tensor(tokens)[:, None])[:, 0]
        assert response.log_probs == pytest.approx(own.tolist(), abs=1e-4)
        expected = 0.0
        for distribution, token in zip((logits / temperature).softmax(-1), tokens, strict=True):
            ordered = sorted(distribution.tolist(), reverse=True)
            size = next(n for n in range(1, 257) if sum(ordered[:n]) >= min(top_p, 1 - 1e-12))
            expected += float(torch.log(distribution[token] / sum(ordered[:size])))
        assert response.log_prob == pytest.approx(expected, abs=1e-4)


def test_greedy_responses_are_certain(student, tokenizer, asked):
    questions, keys = asked
    responses = respond(student, tokenizer, questions, keys, GREEDY)
    assert [response.log_prob for response in responses] == [0] * 9
    other = respond(student, tokenizer, questions, keys[::-1], GREEDY)
    assert said(responses) == said(other)


def test_a_tokenizer_without_padding_gives_the_same_responses(folders, student, asked):
    tokenizer = models.load_tokenizer(folders[0])
    expected = respond(student, tokenizer, *asked, SAMPLED)
    tokenizer.pad_token = None
    assert tokenizer.pad_token_id is None
    responses = respond(student, tokenizer, *asked, SAMPLED)
    assert said(responses) == said(expected)
    assert [response.prompt for response in responses] == [response.prompt for response in expected]


def test_generation_config_is_never_read(student, tokenizer, prompts):
    before = run(student, prompts[:4], SAMPLED, -1, tokenizer.pad_token_id)
    student.generation_config.update(do_sample=True, top_k=1, temperature=0.01, max_new_tokens=3)
    after = run(student, prompts[:4], SAMPLED, -1, tokenizer.pad_token_id)
    assert said(before) == said(after)
