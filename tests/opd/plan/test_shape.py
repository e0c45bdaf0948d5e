"""A shape counts what transformers builds, and what was published."""

import json

import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from opd import models
from opd.plan import trial
from opd.plan.shape import HUB, Shape, UnknownShapeError, from_architecture, from_config, from_folder
from tests.opd.specs import TINY


def built(shape: Shape) -> int:
    """Parameters of the model that transformers makes of a shape, without memory for them."""
    with torch.device("meta"):
        return sum(each.numel() for each in Qwen2ForCausalLM(trial.config(shape)).parameters())


@pytest.mark.parametrize("hub_id", ["Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-7B-Instruct"])
def test_parameters_are_those_that_transformers_makes(hub_id):
    assert HUB[hub_id].parameters == built(HUB[hub_id])


@pytest.mark.parametrize(
    ("hub_id", "published"),  # totals of the safetensors index of each
    [
        ("Qwen/Qwen2.5-0.5B-Instruct", 494_032_768),
        ("Qwen/Qwen2.5-1.5B-Instruct", 1_543_714_304),
        ("Qwen/Qwen2.5-7B-Instruct", 7_615_616_512),
    ],
)
def test_parameters_are_those_that_were_published(hub_id, published):
    assert HUB[hub_id].parameters == published


def test_the_cache_of_a_token_by_hand():
    # 28 layers, keys and values, 4 heads of 128, two bytes.
    assert HUB["Qwen/Qwen2.5-7B-Instruct"].cache == 28 * 2 * 4 * 128 * 2 == 57_344


def test_a_folder_and_its_architecture_are_one_shape(folders, tokenizer, student):
    shape = from_folder(folders[0])
    assert shape == from_architecture(TINY, len(tokenizer))
    assert shape.parameters == sum(each.numel() for each in student.parameters())
    assert shape.width == 4


def test_rows_beyond_the_tokenizer_are_cut_as_when_a_model_loads(tokenizer, tmp_path):
    config = Qwen2Config(
        vocab_size=320,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
    )
    models.save(Qwen2ForCausalLM(config), tokenizer, tmp_path)
    loaded = models.load(tmp_path)
    assert from_folder(tmp_path).cut(256).parameters == sum(each.numel() for each in loaded.parameters())


@pytest.mark.parametrize("made", [(Qwen3Config, Qwen3ForCausalLM), (LlamaConfig, LlamaForCausalLM)])
def test_families_differ_in_the_vectors_of_their_attention(made):
    sizes = {"hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 3, "vocab_size": 100}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}
    config = made[0](**sizes, **heads)
    model = made[1](config)
    assert from_config(config.to_dict()).parameters == sum(each.numel() for each in model.parameters())


def test_other_architectures_are_not_known():
    with pytest.raises(UnknownShapeError, match="'gemma2' is not planned for; qwen2, qwen3, llama are"):
        from_config({"model_type": "gemma2"})


def test_published_configs_are_read(tmp_path):
    config = {  # as Qwen2.5-1.5B-Instruct's config.json has it
        "model_type": "qwen2",
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_attention_heads": 12,
        "num_hidden_layers": 28,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "vocab_size": 151936,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert from_folder(tmp_path) == HUB["Qwen/Qwen2.5-1.5B-Instruct"]
