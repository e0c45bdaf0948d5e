"""A model as the numbers that decide its memory and its operations: Qwen2, Qwen3 and Llama."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opd.spec import ArchitectureSpec
from programs.errors import UserError


class UnknownShapeError(UserError):
    """A model that nothing can be planned for: of another architecture, or with no config.json at hand."""


FAMILIES = ("qwen2", "qwen3", "llama")


@dataclass(frozen=True)
class Shape:
    """Widths of a model with `heads` query heads of `head_width`; `width` is the bytes of a weight.

    Families differ in small vectors of their attention: Qwen2 has biases on queries, keys and values, Qwen3
    norms of queries and keys, Llama neither.
    """

    vocabulary: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_value_heads: int
    head_width: int
    tied: bool
    width: int = 2
    family: str = "qwen2"

    @property
    def query(self) -> int:
        """Width of all queries of a position."""
        return self.heads * self.head_width

    @property
    def key_value(self) -> int:
        """Width of all keys of a position, and of all values."""
        return self.key_value_heads * self.head_width

    @property
    def matrices(self) -> dict[str, tuple[int, int]]:
        """Inputs and outputs of the matrices of a layer, by transformers' names."""
        queries, pairs = (self.hidden, self.query), (self.hidden, self.key_value)
        attention = {"q_proj": queries, "k_proj": pairs, "v_proj": pairs, "o_proj": queries[::-1]}
        widening = self.hidden, self.intermediate
        return attention | {"gate_proj": widening, "up_proj": widening, "down_proj": widening[::-1]}

    @property
    def body_matrices(self) -> int:
        """Weights of the matrices inside the layers, which every position is multiplied with."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.matrices.values())

    @property
    def head_matrix(self) -> int:
        """Weights of the head, which a position is multiplied with where all logits are asked for."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All of them; a head that is tied to the embedding counts once."""
        of_attention = {"qwen2": self.query + 2 * self.key_value, "qwen3": 2 * self.head_width, "llama": 0}
        vectors = self.layers * (2 * self.hidden + of_attention[self.family]) + self.hidden
        embeddings = self.head_matrix * (1 if self.tied else 2)
        return self.body_matrices + vectors + embeddings

    @property
    def weights(self) -> int:
        """Bytes of all weights."""
        return self.width * self.parameters

    @property
    def cache(self) -> int:
        """Bytes of the keys and values of a token."""
        return 2 * self.layers * self.key_value * self.width

    def cut(self, vocabulary: int) -> "Shape":
        """The model without the rows of embedding and head beyond the tokenizer's ids (`opd.models.load`)."""
        return replace(self, vocabulary=min(self.vocabulary, vocabulary))


def from_config(config: Mapping[str, Any]) -> Shape:
    """The shape that a config.json states; UnknownShapeError for another architecture than `FAMILIES`."""
    family = str(config.get("model_type"))
    if family not in FAMILIES:
        raise UnknownShapeError(f"model_type {family!r} is not planned for; {', '.join(FAMILIES)} are")
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    return Shape(
        vocabulary=config["vocab_size"],
        hidden=hidden,
        intermediate=config["intermediate_size"],
        layers=config["num_hidden_layers"],
        heads=heads,
        key_value_heads=config.get("num_key_value_heads") or heads,
        head_width=config.get("head_dim") or hidden // heads,
        tied=config.get("tie_word_embeddings", False),
        width=4 if (config.get("dtype") or config.get("torch_dtype") or "float32") == "float32" else 2,
        family=family,
    )


def from_folder(folder: Path) -> Shape:
    """The shape of a model folder; UnknownShapeError if it has no config.json."""
    config = folder / "config.json"
    if not config.exists():
        raise UnknownShapeError(f"{folder} has no config.json")
    return from_config(json.loads(config.read_text()))


def from_architecture(architecture: ArchitectureSpec, vocabulary: int) -> Shape:
    """The shape of a model that is built here (`opd.models.build`)."""
    heads, hidden = architecture.heads, architecture.hidden_size
    inside = architecture.intermediate_size, architecture.layers
    return Shape(vocabulary, hidden, *inside, heads, heads, hidden // heads, tied=False, width=4)


_QWEN_7B = Shape(152_064, 3584, 18_944, 28, 28, 4, 128, tied=False)

HUB: dict[str, Shape] = {
    "Qwen/Qwen2.5-0.5B-Instruct": Shape(151_936, 896, 4864, 24, 14, 2, 64, tied=True),
    "Qwen/Qwen2.5-1.5B-Instruct": Shape(151_936, 1536, 8960, 28, 12, 2, 128, tied=True),
    "Qwen/Qwen2.5-7B-Instruct": _QWEN_7B,
    "Qwen/Qwen2.5-Math-7B-Instruct": _QWEN_7B,
    "open-thoughts/OpenThinker3-7B": _QWEN_7B,  # fine-tuned from Qwen2.5-7B-Instruct
    "langfeng01/GiGPO-Qwen2.5-7B-Instruct-ALFWorld": _QWEN_7B,  # the same
}
"""Shapes by hub id, for planning before anything is fetched. A config.json at hand goes before them."""
