"""Model folders: padding of the vocabulary, fingerprints, complete writes."""

import copy
import json
from pathlib import Path

import pytest
import torch
import transformers
from transformers import GenerationConfig, Qwen2ForCausalLM

from opd import models
from opd.lm_head import check_head
from opd.plan.devices import Card
from opd.rollout.torch_engine import generate
from opd.spec import SamplingSpec
from programs.errors import UserError
from tests.opd.specs import TINY


def padded(tokenizer, rows: int):
    """A model whose embedding and head have more rows than the tokenizer has ids."""
    model = models.build(TINY, tokenizer, seed=4)
    config = type(model.config)(**{**model.config.to_dict(), "vocab_size": rows})
    torch.manual_seed(4)
    return type(model)(config)


def test_vocabulary_padding_is_cut_off(tokenizer, tmp_path):
    model = padded(tokenizer, 320)
    with torch.no_grad():
        model.lm_head.weight[256:] = 100.0  # padding that would win every time
    models.save(model, tokenizer, tmp_path / "model")
    loaded = models.load(tmp_path / "model")
    assert loaded.config.vocab_size == len(loaded.lm_head.weight) == 256
    torch.testing.assert_close(loaded.lm_head.weight, model.lm_head.weight[:256])
    ids = torch.tensor([[1, 2, 3]])
    torch.testing.assert_close(loaded(ids).logits, model(ids).logits[..., :256])


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_stored_dtype_is_the_one_that_a_model_loads_in(tokenizer, tmp_path, dtype, said):
    models.save(models.build(TINY, tokenizer, seed=4).to(dtype), tokenizer, tmp_path / "model")
    config = json.loads((tmp_path / "model/config.json").read_text())
    if not said:
        del config["dtype"]
    (tmp_path / "model/config.json").write_text(json.dumps(config))
    assert models.stored_dtype(tmp_path / "model") == models.load(tmp_path / "model").dtype == dtype


def test_a_base_model_has_no_template_and_goes_on_from_the_question(tokenizer):
    base = copy.deepcopy(tokenizer)
    base.chat_template = None
    question = "start 3 ; a = 3 + 4"
    assert models.prompt_ids(base, question) == tokenizer(question)["input_ids"]
    assert len(models.prompt_ids(tokenizer, question)) > len(models.prompt_ids(base, question))


@pytest.mark.parametrize(
    ("stated", "expected"), [(None, [2]), (2, [2]), ([2, 0], [0, 2]), ([7, 999], [2, 7])]
)
def test_end_tokens_are_those_of_tokenizer_and_generation_config(tokenizer, stated, expected):
    assert tokenizer.eos_token_id == 2
    assert models.end_ids(tokenizer, GenerationConfig(eos_token_id=stated)) == expected


@pytest.fixture
def endless(tokenizer):
    """A tokenizer that names neither an end token nor a padding token."""
    bare = copy.deepcopy(tokenizer)
    bare.eos_token = bare.pad_token = None
    bare.name_or_path = "results/bare"
    return bare


@pytest.mark.parametrize(("stated", "expected"), [(2, [2]), ([2, 0], [0, 2]), ([7, 999], [7])])
def test_a_tokenizer_may_leave_the_end_to_the_generation_config(endless, stated, expected):
    assert models.end_ids(endless, GenerationConfig(eos_token_id=stated)) == expected


@pytest.mark.parametrize("stated", [None, 999, [999]])
def test_a_model_without_an_end_token_is_refused(endless, stated):
    with pytest.raises(UserError, match="results/bare names no end token; add eos_token to tokenizer_config"):
        models.end_ids(endless, GenerationConfig(eos_token_id=stated))


def test_any_token_pads_where_the_tokenizer_names_none(tokenizer, endless, student):
    assert models.padding_id(endless) == 0
    prompts, uniform = [[5, 6, 7, 8], [9]], torch.rand(2, 30, generator=torch.Generator().manual_seed(0))
    sampling = SamplingSpec(temperature=1, top_p=1, max_new_tokens=30)
    one, other = (generate(student, prompts, uniform, sampling, (12,), pad) for pad in (0, 30))
    assert [response.tokens for response in one] == [response.tokens for response in other]
    assert [response.prompt for response in one] == [response.prompt for response in other] == prompts


def test_a_folder_without_weights_has_no_fingerprint(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no weights"):
        models.fingerprint(tmp_path)


def test_a_model_without_padding_is_loaded_as_it_is(folders, student):
    loaded = models.load(folders[0])
    for name, parameter in student.named_parameters():
        assert torch.equal(parameter, loaded.get_parameter(name))
    assert not loaded.training


def test_fingerprint_follows_the_weights(tokenizer, tmp_path, student):
    models.save(student, tokenizer, tmp_path / "one")
    models.save(student, tokenizer, tmp_path / "two")
    assert models.fingerprint(tmp_path / "one") == models.fingerprint(tmp_path / "two")
    models.save(padded(tokenizer, 256), tokenizer, tmp_path / "two")
    assert models.fingerprint(tmp_path / "one") != models.fingerprint(tmp_path / "two")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


class Louder(Qwen2ForCausalLM):
    """A model whose logits are more than its head makes."""

    def forward(self, *given, **named):
        output = super().forward(*given, **named)
        return type(output)(logits=3 * output.logits)


def test_logits_that_the_head_does_not_make_are_refused(student):
    check_head(student)
    louder = Louder(student.config)
    louder.load_state_dict(student.state_dict())
    with pytest.raises(UserError, match="Louder changes its logits"):
        check_head(louder)


@pytest.mark.parametrize(
    ("family", "more"),
    [("Granite", {"logits_scaling": 8.0}), ("Cohere", {"logit_scale": 0.5}), ("Gemma2", {"head_dim": 16})],
)
def test_heads_of_other_families_are_known(family, more):
    """Granite divides its logits, Cohere multiplies them, Gemma caps them."""
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    config = getattr(transformers, f"{family}Config")(
        **sizes, **more, num_attention_heads=2, num_key_value_heads=2, pad_token_id=0, initializer_range=0.5
    )
    check_head(getattr(transformers, f"{family}ForCausalLM")(config).eval())


@pytest.mark.parametrize("given", ["0", "GPU-aa"])
def test_a_gpu_that_torch_cannot_use_is_no_reason_for_the_cpu(monkeypatch, given):
    cards = {name: Card("GPU-aa", "NVIDIA H100", 79.6) for name in ("0", "GPU-aa")}
    monkeypatch.setattr(models.devices, "listed", lambda: cards)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    with pytest.raises(
        UserError, match=r"NVIDIA H100, which torch .* cannot use: it is built for CUDA 13\.0"
    ):
        models.device()
    for none in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert models.device().type == "cpu"


def test_a_gpu_that_no_driver_lists_is_one_of_docs_clusters(monkeypatch):
    """Of a SLURM that gives out numbers alone, to try the profile."""
    monkeypatch.setattr(models.devices, "listed", dict)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert [models.device().type] == ["cuda" if torch.cuda.is_available() else "cpu"]


def test_a_misspelt_folder_is_not_looked_for_on_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for load in (models.load, models.load_tokenizer, models.stored_dtype):
        with pytest.raises(FileNotFoundError, match="modelz/student is no model folder: it holds no config"):
            load(Path("modelz/student"))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_link_to_what_is_gone_is_named_with_its_target(folders, tmp_path, name):
    there = tmp_path / "there"
    there.mkdir()
    for path in folders[0].iterdir():
        (there / path.name).symlink_to(path)
    assert models.checked(there) == there
    (there / name).unlink()
    (there / name).symlink_to(tmp_path / "hub" / name)
    with pytest.raises(
        FileNotFoundError, match=rf"there/{name} is a link to {tmp_path}/hub/{name}, .*HF_HOME"
    ):
        models.checked(there)
