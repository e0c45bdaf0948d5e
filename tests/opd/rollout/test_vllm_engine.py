"""vLLM against the torch engine, for real. Skipped where vLLM is not installed; `make test-vllm` has it."""

import json

import pytest
import torch
from transformers import Qwen2ForCausalLM

from eval import generate
from eval.spec import GenerateSpec
from opd import models
from opd.rollout import engine
from opd.rollout.sampling import seed
from opd.spec import ArchitectureSpec, SamplingSpec
from programs.errors import UserError
from tests.json_lines import read_lines
from tests.opd.rollout.asking import asking
from tests.opd.rollout.rounding import check_greedy, small_engines

__all__ = ["small_engines"]  # a fixture

pytest.importorskip("vllm", reason="vLLM is not installed")
pytestmark = pytest.mark.slow

COUNT, CAP = 120, 40
GREEDY = SamplingSpec(temperature=0, top_p=1, max_new_tokens=CAP)
FIRST_TOKEN = SamplingSpec(temperature=0.8, top_p=0.9, max_new_tokens=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tokenizer):
    """A random model that ends often, with settings and a padded head that would change everything."""
    architecture = ArchitectureSpec(hidden_size=64, intermediate_size=64, layers=2, heads=2)
    config = models.build(architecture, tokenizer, seed=1).config
    torch.manual_seed(1)
    model = Qwen2ForCausalLM(type(config)(**{**config.to_dict(), "vocab_size": 300})).eval()
    with torch.no_grad():
        model.lm_head.weight[tokenizer.eos_token_id] *= 3
        model.lm_head.weight[256:] *= 5  # would win nearly every time
    model.generation_config.update(
        do_sample=True, temperature=0.01, top_k=1, repetition_penalty=2.0, eos_token_id=[3, 4, 5, 6, 7]
    )
    path = tmp_path_factory.mktemp("vllm") / "model"
    models.save(model, tokenizer, path)
    return path


@pytest.fixture(scope="module")
def vllm(folder):
    return engine.load("vllm", folder, 64)


@pytest.fixture(scope="module")
def asked():
    return asking(COUNT)


def test_greedy_tokens_equal_the_torch_engine(folder, vllm, asked):
    expected = dict(engine.load("torch", folder, 64).stream(*asked, GREEDY, set()))
    responses = dict(vllm.stream(*asked, GREEDY, set()))
    # Prompts too: vLLM's own tokenizer for a Qwen2 folder would have made others of the same text.
    rows = range(COUNT)
    check_greedy(models.load(folder), [responses[row] for row in rows], [expected[row] for row in rows])
    assert all(response.log_prob == 0 and not response.log_probs for response in responses.values())
    assert {response.finished for response in responses.values()} == {True, False}
    assert len({len(response.tokens) for response in responses.values()}) > 3


def test_sampling_follows_the_nucleus_of_the_model(folder, vllm, asked):
    """First tokens drawn many times: nothing outside the nucleus, frequencies and log-probs of the model."""
    count = 4000
    question, keys = asked[0][0], [f"many {row}" for row in range(count)]
    drawn = [r for _, r in vllm.stream([question] * count, keys, FIRST_TOKEN, set())]
    model = models.load(folder)
    with torch.no_grad():
        logits = (
            model(torch.tensor([drawn[0].prompt], device=model.device)).logits[0, -1].double().cpu() / 0.8
        )
    ordered, ids = logits.softmax(-1).sort(descending=True)
    size = int((ordered.cumsum(0) < 0.9).sum()) + 1
    expected = torch.zeros(256, dtype=torch.float64)
    expected[ids[:size]] = ordered[:size] / ordered[:size].sum()
    tokens = torch.tensor([response.tokens[0] for response in drawn])
    frequencies = torch.bincount(tokens, minlength=256) / count
    assert not frequencies[expected == 0].any()
    assert (frequencies - expected).abs().max() < 4 * (0.25 / count) ** 0.5
    log_prob = torch.tensor([response.log_prob for response in drawn], dtype=torch.float64)
    torch.testing.assert_close(log_prob, expected[tokens].log(), rtol=0, atol=1e-3)


def test_samples_depend_on_their_key_alone(vllm, asked):
    sampling = SamplingSpec(temperature=1, top_p=1, max_new_tokens=12)
    together = dict(vllm.stream(*asked, sampling, set()))
    assert sorted(together) == list(range(COUNT))
    done = set(range(0, COUNT, 2))
    rest = dict(vllm.stream(*asked, sampling, done))
    assert sorted(rest) == list(range(1, COUNT, 2))
    assert all(rest[row].tokens == together[row].tokens for row in rest)
    other = dict(vllm.stream(asked[0], [f"other {key}" for key in asked[1]], sampling, set()))
    assert sum(other[row].tokens == together[row].tokens for row in range(COUNT)) < COUNT / 10


def test_prompts_beyond_one_forward_pass_are_answered(vllm, asked):
    """64 prompts of over 100 tokens are more than vLLM takes at once; it used to cut one in two."""
    sampling = SamplingSpec(temperature=1, top_p=1, max_new_tokens=3)
    questions = [" ".join(asked[0][row : row + 8]) for row in range(64)]
    together = dict(vllm.stream(questions, asked[1][:64], sampling, set()))
    assert sum(len(response.prompt) for response in together.values()) > 4096
    for row in (0, 40, 63):
        alone = next(vllm.stream(questions[row : row + 1], asked[1][row : row + 1], sampling, set()))[1]
        assert alone.tokens == together[row].tokens


def test_the_program_runs_and_refuses_a_fixed_seed(folder, vllm, tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "load", lambda *_: vllm)
    sampling = {"temperature": 1, "top_p": 1, "max_new_tokens": 12}
    spec = GenerateSpec(
        environment="chain_arithmetic",
        suites=("chain2",),
        problems_per_suite=5,
        protocols=[{"name": "avg@3", "samples": 3, "sampling": sampling}],
        engine="vllm",
        batch_size=64,
    )
    generate.main(spec, folder, tmp_path / "out.jsonl")
    records = read_lines(tmp_path / "out.jsonl")
    assert [record["sample"] for record in records] == [0, 1, 2] * 5
    assert {record["engine"] for record in records} == {"vllm"}
    assert "vllm" in json.loads((tmp_path / "out.json").read_text())["engine"]

    # The same, where vLLM gets one seed for all: what the API backends of other harnesses send.
    monkeypatch.setattr("opd.rollout.vllm_engine.seed", lambda key: seed("fixed"))
    with pytest.raises(ValueError, match="samples 0 and 1 of 5 problems are copies"):
        generate.main(spec, folder, tmp_path / "again.jsonl")


def test_a_response_that_has_no_room_is_refused_and_not_cut(tokenizer, asked, tmp_path):
    """vLLM itself would end it, at the model's 512 tokens, as if it had reached the cap."""
    architecture = ArchitectureSpec(hidden_size=64, intermediate_size=64, layers=2, heads=2)
    models.save(models.build(architecture, tokenizer, seed=1), tokenizer, tmp_path / "model")
    question = asked[0][:1]
    prompt = len(models.prompt_ids(tokenizer, question[0]))

    def length(vllm, cap):
        sampling = SamplingSpec(temperature=1, top_p=1, max_new_tokens=cap)
        return len(next(vllm.stream(question, ["key"], sampling, set()))[1].tokens)

    of_model = engine.load("vllm", tmp_path / "model", 4)
    of_model.end_ids = []
    with pytest.raises(UserError, match=rf"has room for 512 tokens.* {prompt} \+ {513 - prompt} are asked"):
        length(of_model, 513 - prompt)
    assert length(of_model, 512 - prompt) == 512 - prompt


def test_a_response_longer_than_the_cache_is_refused(folder, asked, monkeypatch):
    if torch.cuda.is_available():
        pytest.skip("the cache has a share of the GPU, where every response of a tiny model fits")
    monkeypatch.setattr("opd.rollout.vllm_engine._CPU_CACHE_BYTES", 300 * 1024)
    of_cache = engine.load("vllm", folder, 4)
    sampling = SamplingSpec(temperature=1, top_p=1, max_new_tokens=400)
    with pytest.raises(UserError, match=r"has room for 1\d\d tokens"):
        next(of_cache.stream(asked[0][:1], ["key"], sampling, set()))


@pytest.mark.parametrize(
    ("on_gpu", "asked", "eager"),
    [(True, None, False), (True, "1", True), (True, "0", False), (False, None, True)],
)
def test_graphs_are_for_gpus_and_left_out_on_request(monkeypatch, tmp_path, on_gpu, asked, eager):
    from opd.rollout import vllm_engine

    monkeypatch.setattr(vllm_engine, "LLM", dict)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: on_gpu)
    monkeypatch.delenv("OPD_VLLM_EAGER", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # `start` would set it, for the tests that follow, too
    if asked is not None:
        monkeypatch.setenv("OPD_VLLM_EAGER", asked)
    assert vllm_engine.start(tmp_path, 1, torch.float32)["enforce_eager"] is eager
