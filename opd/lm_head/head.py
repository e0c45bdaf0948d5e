"""A language-model head as its parameters, so that some of its rows can be evaluated alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from opd.lm_head import product
from programs.errors import UserError


@dataclass(frozen=True)
class Head:
    """A head's parameters: logits = softcap(scale x (h W^T + b)) with W (V, d) and b (V,) or None.

    `softcap` c maps z to c tanh(z / c), as in Gemma. `lora` holds (A (r, d), B (V, r), factor) for
    W + factor B A, evaluated without forming the sum.
    """

    weight: Tensor
    bias: Tensor | None = None
    scale: float = 1.0
    softcap: float | None = None
    lora: tuple[Tensor, Tensor, float] | None = None

    @property
    def vocabulary_size(self) -> int:
        return self.weight.shape[0]

    def factors(self, states: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The raw logits of states (n, d) as a sum of products: pairs of inputs (n, r) and rows (V, r).

        A bias is a row of one number, and multiplies 1. All but the states and the weight is float32.
        """
        pairs, dtype = [(states, self.weight)], product.accumulation_dtype(states)
        if self.bias is not None:
            pairs.append((states.new_ones(len(states), 1, dtype=dtype), self.bias.to(dtype)[:, None]))
        if self.lora is not None:
            down, up, factor = self.lora
            pairs.append((factor * (states.to(dtype) @ down.to(dtype).T), up.to(dtype)))
        return pairs

    def finish(self, logits: Tensor) -> Tensor:
        """Scale and softcap of raw logits of any shape."""
        logits = logits * self.scale if self.scale != 1 else logits
        return logits if self.softcap is None else self.softcap * (logits / self.softcap).tanh()

    def at(self, temperature: float) -> "Head":
        """The head with its logits divided by `temperature`."""
        softcap = None if self.softcap is None else self.softcap / temperature
        return replace(self, scale=self.scale / temperature, softcap=softcap)

    @torch.no_grad()
    def logits(self, states: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        """(n, last - first) float32 logits of the vocabulary range, for (n, d) states. No gradient."""
        inputs, rows = zip(*self.factors(states), strict=True)
        return self.finish(raw_logits(inputs, [each[first:last] for each in rows]))


@torch.no_grad()
def raw_logits(inputs: Sequence[Tensor], rows: Sequence[Tensor]) -> Tensor:
    """(n, V) float32 sum of the products of each input (n, r) with its rows (V, r). No gradient."""
    return reduce(Tensor.add_, map(product.forward, inputs, rows))


def head_of(model: nn.Module) -> Head:
    """The head of a transformers causal model; UserError for a layer without rows to select.

    Tied embeddings need nothing special: the weight is the embedding's parameter, and its gradient adds
    up there. Sharded heads are a ValueError and must be gathered first (FSDP2: as in
    `opd.parallel.sharding`; tensor parallelism: per-shard ids are not implemented).
    """
    layer: Any = model.get_output_embeddings()  # type: ignore[operator]
    config: Any = model.config
    lora = None
    if hasattr(layer, "base_layer"):
        (name,) = layer.active_adapters
        lora = (layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name])
        layer = layer.base_layer
    if type(layer.weight.data).__name__ == "DTensor":
        raise ValueError(
            "the head's weight is sharded over ranks; evaluate it in a forward pass of opd.parallel's Root "
            "or under `gathered`, or leave the head out of tensor parallelism"
        )
    if not isinstance(layer, nn.Linear):
        raise UserError(f"a {type(layer).__name__} head has no rows to select; use a Linear head")
    return Head(
        layer.weight,
        layer.bias,
        # Cohere multiplies, Granite divides.
        scale=(getattr(config, "logit_scale", None) or 1.0)
        / (getattr(config, "logits_scaling", None) or 1.0),
        softcap=getattr(config, "final_logit_softcapping", None),
        lora=lora,
    )


@torch.no_grad()
def check_head(model: nn.Module) -> None:
    """UserError if the model does more to its logits than `Head` knows of, or leaves something out.

    Some architectures scale them behind the head, each under a name of its own in the config. Compared on
    four tokens, to within 2 % of the largest logit, which 16-bit arithmetic stays in.
    """
    ids = torch.arange(4, device=model.device)[None]  # type: ignore[call-overload]
    ours = head_of(model).logits(model.base_model(input_ids=ids).last_hidden_state[0])  # type: ignore[operator]
    own = model(input_ids=ids).logits[0].float()
    if (ours - own).abs().max() > 0.02 * own.abs().max() + 1e-4:
        raise UserError(
            f"{type(model).__name__} changes its logits in a way that opd/lm_head/head.py does not know; "
            "add it to Head and head_of"
        )
