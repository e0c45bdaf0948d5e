"""Weights, gradients and optimiser spread over the ranks: FSDP2, `torch.distributed.fsdp.fully_shard`.

A sharded model has three states. At rest, each rank holds its part of every tensor. In a forward pass
through `Root`, a layer's weights are gathered when it starts and dropped when it ends, again in the backward
pass, whose gradients are summed over the ranks; embeddings and head stay gathered from the start of the
forward to the end of the backward pass, so that a loss reads the head's weight as a plain tensor. Under
`gathered`, all weights are there, and the model is an ordinary one that communicates nothing: for rollouts
and scoring, where ranks do different numbers of forward passes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import (
    CPUOffloadPolicy,
    FSDPModule,
    MixedPrecisionPolicy,
    OffloadPolicy,
    fully_shard,
)
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from opd.models import device
from opd.parallel import ranks
from opd.spec import MemorySpec

Value = TypeVar("Value")


class Root(nn.Module):
    """The model's outermost module, whose forward pass is any function that reads the model.

    FSDP gathers and drops weights around forward passes. A loss here is more than the model's own forward
    pass, as it evaluates the head in its own way; so the loss is the forward pass.
    """

    def __init__(self, model: PreTrainedModel, holds_gradients: bool = False) -> None:
        super().__init__()
        self.model, self._holds_gradients = model, holds_gradients

    def before_pass(self, last: bool) -> None:
        """To be called before each pass of an update: with the last, gradients that wait move to the host."""
        if self._holds_gradients:
            self.set_requires_gradient_sync(last)  # type: ignore[operator]

    def forward(self, function: Callable[[], Value]) -> Value:
        return function()


def student(model: PreTrainedModel, memory: MemorySpec) -> Root:
    """The student, ready to be trained: spread over the ranks, or as it is if nothing asks for that."""
    if memory.recompute_layers:
        recompute_layers(model)
    root = Root(model, memory.hold_gradients)
    if ranks.count() > 1 or needed(memory):
        _shard(root, memory)
    return root


def recompute_layers(model: PreTrainedModel) -> None:
    """Keep the input of each layer alone for the backward pass, which computes the rest again."""
    for layer in _layers(model):
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False, preserve_rng_state=False)


def needed(memory: MemorySpec) -> bool:
    """Whether FSDP is what does it even on one device: its shards are then the master weights."""
    return memory.master_weights or memory.offload


def dtype(model: PreTrainedModel, memory: MemorySpec) -> torch.dtype:
    """What a student computes in; its weights may rest in another."""
    return torch.bfloat16 if memory.master_weights else model.dtype


def teacher(model: PreTrainedModel, memory: MemorySpec) -> PreTrainedModel:
    """A teacher; with `shard_teachers`, its layers are spread over the ranks, its head is on all of them."""
    if memory.shard_teachers and ranks.count() > 1:
        for layer in _layers(model):
            fully_shard(layer, mesh=_mesh())
    return model


def _shard(root: Root, memory: MemorySpec) -> None:
    # Nothing is cast on the way in: what a layer reads has the dtype of the embeddings.
    precision = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)
    options: dict[str, Any] = {
        "mesh": _mesh(),
        "mp_policy": precision if memory.master_weights else MixedPrecisionPolicy(cast_forward_inputs=False),
        "offload_policy": CPUOffloadPolicy(torch.cuda.is_available()) if memory.offload else OffloadPolicy(),
    }
    for module in (*_layers(root.model), root):
        if memory.master_weights:
            module.float()
        shard = fully_shard(module, reshard_after_forward=module is not root, **options)
        if ranks.count() > 1:  # with one, a factor costs FSDP a float32 copy of each gradient
            # The loss is a sum over the ranks, its weights are those of the whole minibatch.
            shard.set_gradient_divide_factor(1.0)
            shard.set_force_sum_reduction_for_comms(True)
    with torch.no_grad():
        root(lambda: None)  # FSDP takes the first module to run for the outermost
    root.reshard()  # type: ignore[operator]


def _layers(model: PreTrainedModel) -> list[nn.Module]:
    return list(model.base_model.layers)  # type: ignore[arg-type]


def _mesh() -> Any:
    return init_device_mesh(device().type, (ranks.count(),))


@contextmanager
def gathered(*modules: nn.Module) -> Iterator[None]:
    """While open, the modules' weights are whole on every rank, in the dtype that they compute in.

    Costs the memory of the whole model. Without gradient: what is changed meanwhile is lost.
    """
    shards = [each for module in modules for each in module.modules() if isinstance(each, FSDPModule)]
    for each in shards:
        each.unshard()
        each.set_reshard_after_forward(False, recurse=False)
    try:
        with torch.no_grad():
            yield
    finally:
        for each in shards:
            each.set_reshard_after_forward(not isinstance(each, Root), recurse=False)
            each.reshard()


def gathered_weights(model: PreTrainedModel) -> dict[str, Tensor]:
    """What the model's folder holds, as plain tensors; under `gathered`, which `state_dict` would end."""
    tensors: dict[str, Tensor] = dict(model.named_parameters(remove_duplicate=False))
    for path, module in model.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            if name not in module._non_persistent_buffers_set:
                tensors[f"{path}.{name}"] = buffer
    return tensors
