"""What an engine is given is what a checkpoint of the finished model holds."""

import pytest
import torch
from torch import distributed
from torch.distributed.fsdp import fully_shard

from opd import lora, models
from opd.spec import LoraSpec
from opd.weights import merged_weights
from tests.opd.specs import TINY


@pytest.fixture
def model(tokenizer):
    return models.build(TINY, tokenizer, seed=4)


def test_a_plain_model_gives_its_own_tensors(model):
    found, state = dict(merged_weights(model)), model.state_dict()
    assert found.keys() == state.keys()
    assert all(value.data_ptr() == state[name].data_ptr() for name, value in found.items())


def test_adapters_are_merged(model):
    names = list(model.state_dict())
    lora.adapt(model, LoraSpec(rank=2), seed=0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    found = dict(merged_weights(model))
    lora.merge(model)
    assert list(found) == names
    for name, value in model.state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=0)


def test_shards_are_gathered(model, tmp_path):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        mesh = distributed.init_device_mesh("cpu", (1,))
        found = dict(merged_weights(fully_shard(model, mesh=mesh)))
    finally:
        distributed.destroy_process_group()
    assert found.keys() == before.keys()
    assert all(type(value) is torch.Tensor for value in found.values())
    assert all(torch.equal(value, before[name]) for name, value in found.items())
