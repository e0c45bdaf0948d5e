"""Low-rank adapters (arXiv 2106.09685) in a model's linear layers, by peft.

An adapted layer computes W x + (alpha / rank) B A x with W frozen. The layers are replaced inside the model,
whose class, backbone and head stay what they were.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from opd.spec import LoraSpec
from programs.errors import UserError

_ADAPTER = "default"


def adapt(model: PreTrainedModel, spec: LoraSpec, seed: int) -> None:
    """Freeze the model and put adapters in, float32 whatever the model is; they change nothing yet (B is 0).

    `seed` decides A. UserError if a target ends no layer's name, is no linear layer, or is a head that
    shares its weight with the embedding.
    """
    _refuse_unknown_targets(model, spec.targets)
    # Here, as peft takes a second to import and every program that samples imports this module.
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.tuners_utils import cast_adapter_dtype

    torch.manual_seed(seed)
    targets = spec.targets if isinstance(spec.targets, str) else list(spec.targets)
    config = LoraConfig(r=spec.rank, lora_alpha=spec.alpha, target_modules=targets)
    inject_adapter_in_model(config, model, _ADAPTER)
    cast_adapter_dtype(model, _ADAPTER)
    for name, layer in layers(model):
        if not isinstance(layer.base_layer, nn.Linear):
            raise UserError(f"lora.targets has {name}, which is no linear layer; remove it")
        if model.config.tie_word_embeddings and layer is model.get_output_embeddings():
            raise UserError(f"lora.targets has {name}, which is the embedding, too; remove it")


def _refuse_unknown_targets(model: nn.Module, targets: str | Sequence[str]) -> None:
    """UserError for a target that ends no layer's name; peft minds only if there is none for any of them."""
    names = [f".{name}" for name, _ in model.named_modules()]
    for target in () if isinstance(targets, str) else targets:
        if not any(name.endswith(f".{target}") for name in names):
            raise UserError(f"lora.targets has {target}, which ends no layer's name; remove or correct it")


def save(model: PreTrainedModel, folder: Path) -> None:
    """Write the adapters, if there are any, as peft reads them (`PeftModel.from_pretrained(base, folder)`).

    Under `gathered`, which `state_dict` would end.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if not hasattr(model, "peft_config"):
        return
    from peft import get_peft_model_state_dict

    own = get_peft_model_state_dict(model, dict(model.named_parameters()), adapter_name=_ADAPTER)
    folder.mkdir()
    # The names that they would have inside a model of peft's.
    save_file({f"base_model.model.{n}": v for n, v in own.items()}, folder / "adapter_model.safetensors")
    model.peft_config[_ADAPTER].save_pretrained(str(folder))


def merge(model: PreTrainedModel) -> None:
    """Put the adapters into the weights and take them out of the model.

    It computes what it did, but for rounding; in bfloat16 that takes most of a small update (docs/lora.md).
    """
    with torch.no_grad():
        for name, layer in list(layers(model)):
            layer.base_layer.weight.copy_(weight(layer))
            model.set_submodule(name, layer.base_layer)
    if hasattr(model, "peft_config"):
        del model.peft_config


def weight(layer: Any) -> Tensor:
    """(out, in) what a linear layer multiplies by, its adapter included, in the dtype of the weight."""
    if not hasattr(layer, "base_layer"):
        return layer.weight
    return merged(layer).to(layer.base_layer.weight.dtype)


def merged(layer: Any) -> Tensor:
    """(out, in) the weight of an adapted layer with its adapter, in float32."""
    return layer.base_layer.weight.float() + layer.get_delta_weight(_ADAPTER)


def layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """The adapted layers by name."""
    for name, module in model.named_modules():
        if hasattr(module, "base_layer"):
            yield name, module
