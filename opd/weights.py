"""A trainer's weights as an engine or a teacher takes them over."""

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel

from opd import lora
from opd.models import device


@torch.no_grad()
def merged_weights(model: PreTrainedModel, *, rounded: bool = True) -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of all that a checkpoint of the model would hold: whole, with adapters merged.

    A merged weight has the dtype of the model, or float32 if it is not to be `rounded`. Not under `gathered`,
    which `state_dict` would end: see `opd.parallel.sharding.gathered_weights`.
    """
    adapted = {f"{name}.base_layer.weight": layer for name, layer in lora.layers(model)}
    for name, value in model.state_dict().items():
        if ".lora_" in name:
            continue
        if name in adapted:
            value = lora.weight(adapted[name]) if rounded else lora.merged(adapted[name])
        yield name.replace(".base_layer.", "."), _whole(value) if isinstance(value, DTensor) else value


def _whole(sharded: DTensor) -> Tensor:
    """Gathered on the device, over NCCL; on the host, where it may rest, that would go through sockets."""
    return cast(DTensor, sharded.to(device())).full_tensor()
