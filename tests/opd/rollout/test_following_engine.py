"""vLLM behind a model that is trained, for real. Skipped where vLLM is not installed: `make test-vllm`."""

import json
import subprocess

import pytest
import torch
from transformers import Qwen2ForCausalLM

from opd import distill, models
from opd.diagnostics.mismatch import mismatch, stop_if_too_large
from opd.experience import joined
from opd.rollout import engine as engines
from opd.rollout.engine import answers
from opd.rollout.torch_engine import TorchEngine
from opd.spec import ArchitectureSpec, EngineSpec, SamplingSpec
from programs.errors import UserError
from tests.json_lines import read_lines
from tests.opd.rollout.asking import asking
from tests.opd.rollout.rounding import EXACT, LARGEST, MEAN, check_greedy, own_scores, small_engines
from tests.opd.specs import distill_spec

__all__ = ["small_engines"]  # a fixture

pytest.importorskip("vllm", reason="vLLM is not installed")
pytestmark = pytest.mark.slow

COUNT, CAP = 120, 40
GREEDY = SamplingSpec(temperature=0, top_p=1, max_new_tokens=CAP)
NUCLEUS = SamplingSpec(temperature=0.8, top_p=0.9, max_new_tokens=CAP)
VLLM = EngineSpec(name="vllm", memory_share=0.05)  # several engines share a GPU here


def build(tokenizer, tied: bool) -> Qwen2ForCausalLM:
    """A random model with grouped queries that ends often, and a padded head that would win nearly always."""
    architecture = ArchitectureSpec(hidden_size=128, intermediate_size=64, layers=2, heads=4)
    config = models.build(architecture, tokenizer, seed=1).config
    changes = {"vocab_size": 300, "num_key_value_heads": 2, "tie_word_embeddings": tied}
    torch.manual_seed(1)
    model = Qwen2ForCausalLM(type(config)(**{**config.to_dict(), **changes})).eval()
    with torch.no_grad():
        model.lm_head.weight[tokenizer.eos_token_id] *= 2
        model.lm_head.weight[256:] *= 5
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tokenizer):
    path = tmp_path_factory.mktemp("vllm") / "model"
    models.save(build(tokenizer, tied=False), tokenizer, path)
    return path


@pytest.fixture(scope="module")
def vllm(folder, tokenizer):
    return engines.follow(VLLM, models.load(folder), folder, tokenizer, 64, torch.float32)


@pytest.fixture(scope="module")
def asked():
    return asking(COUNT)


def change(model, seed: int, scale: float = 0.05) -> None:
    """What an optimiser step does, only larger."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(scale * noise.to(parameter.device))


def test_greedy_tokens_are_those_of_the_torch_engine_after_every_update(folder, vllm, tokenizer, asked):
    model, before = models.load(folder), []
    for update in range(3):
        with vllm.awake(model):
            found = answers(vllm, *asked, GREEDY)
        expected = answers(TorchEngine(model, tokenizer, COUNT), *asked, GREEDY)
        check_greedy(model, found, expected)
        assert {each.finished for each in found} == {True, False}
        assert [each.tokens for each in found] != before
        before = [each.tokens for each in found]
        change(model, update)


def test_log_probabilities_are_the_trainers_own_whatever_the_settings(folder, vllm, asked):
    model = models.load(folder)
    change(model, 7)
    for sampling in (NUCLEUS, SamplingSpec(temperature=1, top_p=1, max_new_tokens=CAP)):
        with vllm.awake(model):
            responses = answers(vllm, *asked, sampling)
        rollout = joined([each.log_probs for each in responses])
        assert len(rollout) > 2000
        apart = mismatch(rollout, own_scores(model, responses).sampled_log_prob.cpu())
        assert apart["mismatch_max"] < LARGEST
        assert apart["mismatch_mean"] < MEAN
        assert apart["mismatch_ratio"] == pytest.approx(1, abs=MEAN)


def test_stale_weights_are_noticed(folder, vllm, asked):
    """The engine goes on with what it was given: against other weights, the mismatch is too large."""
    model = models.load(folder)
    with vllm.awake(model):
        change(model, 8, scale=0.003)
        responses = answers(vllm, *asked, NUCLEUS)
    own = own_scores(model, responses).sampled_log_prob.cpu()
    apart = mismatch(joined([each.log_probs for each in responses]), own)
    with pytest.raises(FloatingPointError, match="stale or wrong"):
        stop_if_too_large(apart, None, vllm.dtype)


def test_an_updated_engine_is_a_fresh_one(folder, vllm, tokenizer, asked, tmp_path):
    model = models.load(folder)
    with vllm.awake(model):
        before = answers(vllm, *asked, NUCLEUS)
    change(model, 9)
    with vllm.awake(model):
        updated = answers(vllm, *asked, NUCLEUS)
    models.save(model, tokenizer, tmp_path / "updated")
    fresh = engines.load("vllm", tmp_path / "updated", 64)
    assert [each.tokens for each in updated] == [each.tokens for each in answers(fresh, *asked, NUCLEUS)]
    assert sum(a.tokens != b.tokens for a, b in zip(before, updated, strict=True)) > COUNT / 2


def test_tied_embeddings_are_updated_in_both_places(tokenizer, asked, tmp_path):
    models.save(build(tokenizer, tied=True), tokenizer, tmp_path / "tied")
    model = models.load(tmp_path / "tied")
    assert model.config.tie_word_embeddings
    engine = engines.follow(VLLM, model, tmp_path / "tied", tokenizer, 64, model.dtype)
    for update in range(2):
        change(model, update)
        with engine.awake(model):
            found = answers(engine, *asked, GREEDY)
        check_greedy(model, found, answers(TorchEngine(model, tokenizer, COUNT), *asked, GREEDY))


@pytest.mark.parametrize("adapters", [None, {"rank": 4}], ids=["full", "lora"])
def test_a_run_trains_on_vllms_rollouts_as_on_torchs(folder, tokenizer, tmp_path, adapters):
    """Greedy rollouts are the same tokens, so both runs log the same numbers: weights are never stale.

    On a GPU they part at near-ties: there the first step alone is compared, before runs go apart.
    """
    rollout = {"prompts": 16, "minibatch_size": 8, "temperature": 0.0, "top_p": 1.0}
    teacher = models.load(folder)
    change(teacher, 3)
    models.save(teacher, tokenizer, tmp_path / "teacher")
    records = {}
    for name in ("torch", "vllm"):
        spec = distill_spec(steps=8, rollout=rollout, engine={"name": name}, lora=adapters)
        distill.main(spec, folder, {"chain_arithmetic": tmp_path / "teacher"}, tmp_path / name)
        lines = (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        records[name] = [json.loads(line) for line in lines]
    tokens = sum(16 * record["response_length"] for record in records["vllm"])
    assert tokens > 2000
    assert all(record["mismatch_mean"] < MEAN for record in records["vllm"])
    for one, other in list(zip(*records.values(), strict=True))[: None if EXACT else 1]:
        assert other["response_length"] == pytest.approx(
            one["response_length"], rel=0 if EXACT else 0.1, abs=0
        )
        for name in ("loss", "gradient_norm", "gap", "entropy"):
            assert other[name] == pytest.approx(one[name], rel=1e-3 if EXACT else 0.1)


@pytest.mark.parametrize("unsaid", [False, True], ids=["master_weights", "config without dtype"])
def test_the_engine_computes_in_what_the_student_does(tokenizer, tmp_path, unsaid):
    """Both compute in bfloat16; in float32, as their folders say, the engine was too far from them."""
    architecture = ArchitectureSpec(hidden_size=256, intermediate_size=512, layers=6, heads=8)
    folder, model = tmp_path / "model", models.build(architecture, tokenizer, seed=1)
    models.save(model.bfloat16() if unsaid else model, tokenizer, folder)
    if unsaid:
        config = json.loads((folder / "config.json").read_text())
        del config["dtype"]
        (folder / "config.json").write_text(json.dumps(config))
    spec = distill_spec(steps=1, memory={"master_weights": not unsaid}, engine={"name": "vllm"})
    distill.main(spec, folder, {"chain_arithmetic": folder}, tmp_path / "run")
    (record,) = read_lines(tmp_path / "run/metrics.jsonl")
    assert 1e-3 < record["mismatch_mean"] < 0.1  # of 16 bits on both sides


def test_logits_are_not_rounded_to_16_bits(tokenizer, tmp_path):
    """In a model whose layers add nothing, and so round nothing, only the head is left to differ."""
    architecture = ArchitectureSpec(hidden_size=128, intermediate_size=64, layers=1, heads=4)
    model = models.build(architecture, tokenizer, seed=1).bfloat16()
    with torch.no_grad():
        model.model.layers[0].self_attn.o_proj.weight.zero_()
        model.model.layers[0].mlp.down_proj.weight.zero_()
        model.lm_head.weight *= 20
    models.save(model, tokenizer, tmp_path / "model")
    spec = distill_spec(steps=1, engine={"name": "vllm"})
    distill.main(spec, tmp_path / "model", {"chain_arithmetic": tmp_path / "model"}, tmp_path / "run")
    (record,) = read_lines(tmp_path / "run/metrics.jsonl")
    assert record["mismatch_max"] < 1e-3  # 0.15 where the head computes in bfloat16


@pytest.mark.parametrize("tensor_parallel", [1, 2])
def test_ranks_have_engines_of_their_own_or_share_one(folder, tensor_parallel):
    if torch.cuda.is_available():
        pytest.skip("two processes on CPUs")
    program = ["torchrun", "--standalone", "--nproc-per-node", "2", "-m", "tests.opd.rollout.ranks"]
    result = subprocess.run(
        [*program, str(folder), str(tensor_parallel)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "rank 0 agrees" in result.stdout
    assert "rank 1 agrees" in result.stdout


def test_an_engine_is_shared_by_the_processes_of_torchrun_alone(folder, tokenizer):
    shared = EngineSpec(name="vllm", tensor_parallel=2)
    with pytest.raises(UserError, match=r"engine\.tensor_parallel is of torchrun's processes"):
        engines.follow(shared, models.load(folder), folder, tokenizer, 4, torch.float32)


def test_an_engine_that_cannot_sleep_says_so(folder, tokenizer):
    if torch.cuda.is_available():
        pytest.skip("it can")
    sleeping = EngineSpec(name="vllm", sleep=True)
    with pytest.raises(ValueError, match=r"engine\.sleep: vLLM cannot give memory back"):
        engines.follow(sleeping, models.load(folder), folder, tokenizer, 4, torch.float32)
