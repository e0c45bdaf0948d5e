"""The torch engine against `model.generate`, and its independence of batching."""

import pytest
import torch

import envs
from opd import models
from opd.lm_head import head_of
from opd.rollout.sampling import uniforms
from opd.rollout.torch_engine import generate
from opd.scoring.compare import hidden_states
from opd.spec import ArchitectureSpec, SamplingSpec

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
    rollouts = generate(student, [[1, 2, 3]] * 64, uniform, SAMPLED, (), tokenizer.pad_token_id)
    return int(torch.bincount(rollouts.batch.sampled).argmax())


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
        rollouts = run(student, prompts, GREEDY, end, pad)
        for row, tokens in enumerate(free.tolist()):
            stop = tokens.index(end) + 1 if end in tokens else 40
            assert rollouts.batch.response(row) == tokens[:stop]
            assert bool(rollouts.finished[row]) is (end in tokens)
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
    rollouts = run(model, [prompts[0], prompts[0]], GREEDY, -1, 0)
    assert rollouts.batch.response(1) == expected[1, len(prompts[0]) :].tolist()


def test_samples_do_not_depend_on_the_batch(student, tokenizer, prompts, ending):
    pad = tokenizer.pad_token_id
    keys = [f"sample {row}" for row in range(len(prompts))]
    together = run(student, prompts, SAMPLED, ending, pad, keys)
    responses = [together.batch.response(row) for row in range(len(prompts))]
    assert len({len(response) for response in responses}) > 5  # the cache was compacted on the way
    backwards = run(student, prompts[::-1], SAMPLED, ending, pad, keys[::-1])
    assert [backwards.batch.response(row) for row in range(len(prompts))] == responses[::-1]
    for row in range(0, len(prompts), 5):
        assert (
            run(student, [prompts[row]], SAMPLED, ending, pad, [keys[row]]).batch.response(0)
            == responses[row]
        )


def test_batch_marks_exactly_the_response(student, tokenizer, prompts, ending):
    rollouts = run(student, prompts, SAMPLED, ending, tokenizer.pad_token_id)
    batch = rollouts.batch
    for row, prompt in enumerate(prompts):
        real = batch.tokens[row][batch.attention[row]].tolist()
        response = rollouts.batch.response(row)
        assert real == prompt + response
        assert ending not in response[:-1]
        assert (response[-1] == ending) is bool(rollouts.finished[row])
        assert bool(rollouts.finished[row]) or len(response) == 40


def test_the_first_of_several_end_tokens_ends_a_response(student, tokenizer, prompts):
    """As the responses without any end, each cut behind its first end token, whichever that is."""
    keys, pad = [f"sample {row}" for row in range(len(prompts))], tokenizer.pad_token_id
    endless = generate(student, prompts, uniforms(keys, 40), SAMPLED, (), pad)
    ends = endless.batch.sampled.bincount().argsort(descending=True)[:2].tolist()
    rollouts = generate(student, prompts, uniforms(keys, 40), SAMPLED, ends, pad)
    last = set()
    for row in range(len(prompts)):
        whole = endless.batch.response(row)
        cut = next((place for place, token in enumerate(whole) if token in ends), len(whole))
        assert rollouts.batch.response(row) == whole[: cut + 1]
        assert bool(rollouts.finished[row]) is (cut < len(whole))
        last.add(rollouts.batch.response(row)[-1])
    assert last >= set(ends)


def test_sampling_follows_the_models_probabilities(student, tokenizer):
    """First tokens drawn many times have the frequencies of the model's forward pass."""
    prompt, count = [1, 5, 9, 2], 4000
    one = SamplingSpec(temperature=1, top_p=1, max_new_tokens=1)
    rollouts = run(student, [prompt] * count, one, -1, tokenizer.pad_token_id)
    frequencies = torch.bincount(rollouts.batch.sampled, minlength=256) / count
    states = hidden_states(student, rollouts.batch.rows(torch.tensor([0], device=student.device)))
    expected = head_of(student).logits(states).softmax(-1)[0].detach()
    assert (frequencies - expected).abs().max() < 4 * (0.25 / count) ** 0.5


def test_generation_config_is_never_read(student, tokenizer, prompts):
    before = run(student, prompts[:4], SAMPLED, -1, tokenizer.pad_token_id)
    student.generation_config.update(do_sample=True, top_k=1, temperature=0.01, max_new_tokens=3)
    after = run(student, prompts[:4], SAMPLED, -1, tokenizer.pad_token_id)
    assert torch.equal(before.batch.tokens, after.batch.tokens)
