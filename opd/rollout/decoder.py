"""Decoding token by token with a key-value cache: any causal model, and small Qwen2 models fast.

A decoder holds left-padded prompts and what has been decoded; `first` gives the logits of the first
response token, `after` those that follow a token per row, `keep` drops rows.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, Qwen2ForCausalLM, StaticCache

from opd.lm_head import head_of
from opd.lora import weight
from programs.errors import UserError


class Decoder:
    """Any causal model of transformers, with its static cache."""

    def __init__(self, model: PreTrainedModel, prompt: Tensor, real: Tensor, steps: int) -> None:
        """`prompt` (B, L) ids and `real` (B, L) bool, padded on the left; up to `steps` tokens follow."""
        self._model, self._prompt = model, prompt
        rows, self._end = prompt.shape
        # (B, L + steps): which cached positions a row may look at.
        self._visible = torch.zeros(rows, self._end + steps, dtype=torch.bool, device=prompt.device)
        self._visible[:, : self._end] = real
        self._positions = (real.long().cumsum(-1) - 1).clamp(min=0)
        self._next = real.sum(-1)
        self._allocate()

    def first(self) -> Tensor:
        """(B, V) logits of the first response token."""
        width = self._end
        causal = torch.ones(
            width, self._visible.shape[1], dtype=torch.bool, device=self._prompt.device
        ).tril()
        # Padding sees itself: a row of attention that sees nothing would be NaN and spread.
        itself = torch.eye(width, self._visible.shape[1], dtype=torch.bool, device=self._prompt.device)
        mask = (causal & self._visible[:, None]) | itself
        return self._logits(self._prompt, mask[:, None], self._positions, 0)

    def after(self, token: Tensor) -> Tensor:
        """(B, V) logits of what follows when every row goes on with its `token` (B,)."""
        self._visible[:, self._end] = True
        self._end += 1
        mask = self._visible[:, None, None]
        logits = self._logits(token[:, None], mask, self._next[:, None], self._end - 1)
        self._next = self._next + 1
        return logits

    def keep(self, rows: Tensor) -> None:
        """Go on with the rows of that index (b,) alone."""
        self._visible, self._next = self._visible[rows], self._next[rows]
        self._select(rows)

    def _allocate(self) -> None:
        wanted = self._visible.shape[1]
        self._cache = StaticCache(config=self._model.config, max_cache_len=wanted)
        window = min(getattr(layer, "max_cache_len", wanted) for layer in self._cache.layers)
        if window < wanted:
            raise UserError(
                f"prompt and response take up to {wanted} tokens; the model attends to windows of {window}, "
                "which the engine `torch` cannot decode: lower max_new_tokens, or use the engine `vllm`"
            )

    def _logits(self, tokens: Tensor, mask: Tensor, positions: Tensor, start: int) -> Tensor:
        """(B, V) logits after the last of `tokens` (B, n), which get cached from place `start` on.

        `mask` (B, 1, n, L + steps) says what they see, `positions` (B, n) are rotary.
        """
        states = self._model.base_model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state
        return head_of(self._model).logits(states[:, -1])

    def _select(self, rows: Tensor) -> None:
        layer: Any  # transformers types the layers as a union that also holds caches without keys
        for layer in self._cache.layers:
            layer.keys = layer.keys[rows]
            layer.values = layer.values[rows]
            layer.batch_size = len(rows)


class _Layer(NamedTuple):
    """A layer's weights, fused: norms and scales multiplied into the matrices that follow them."""

    qkv: Tensor
    qkv_bias: Tensor
    output: Tensor
    gate_up: Tensor
    down: Tensor


class SmallQwen2Decoder(Decoder):
    """The same for a Qwen2 model whose matrices are so small that the number of operations is the cost.

    Some 20 operations a layer instead of 70: matrices that read the same input are one, and the gains of
    the norms, with the attention's scale, are multiplied into them. Equal to the model up to rounding.
    """

    @staticmethod
    def fits(model: PreTrainedModel) -> bool:
        """Whether the model is one: in float32, up to 512 wide, with plain attention and rotary angles."""
        config = model.config
        return (
            isinstance(model, Qwen2ForCausalLM)
            and model.dtype == torch.float32
            and config.hidden_size <= 512
            and set(config.layer_types) == {"full_attention"}
            and config.rope_parameters["rope_type"] == "default"
            and config.hidden_act == "silu"
        )

    def _allocate(self) -> None:
        model: Any = self._model
        config = model.config
        self._head_width = model.model.layers[0].self_attn.head_dim
        self._queries, self._groups = config.num_attention_heads, config.num_key_value_heads
        # x / hypot(|x|, this) is RMSNorm of x over sqrt(d), its epsilon included.
        self._floor = torch.tensor(math.sqrt(config.rms_norm_eps * config.hidden_size), device=model.device)
        self._layers = [self._fuse(layer) for layer in model.model.layers]
        head = model.get_output_embeddings()
        self._head, self._head_bias = weight(head) * self._gain(model.model.norm), head.bias
        self._cosine, self._sine = self._angles()
        rows, length = self._visible.shape
        shape = (rows, self._queries, length, self._head_width)
        self._keys = [torch.zeros(shape, device=model.device) for _ in self._layers]
        self._values = [torch.zeros(shape, device=model.device) for _ in self._layers]

    def _gain(self, norm: nn.Module) -> Tensor:
        """What a norm multiplies its input by, after the division by its length."""
        weight: Any = norm.weight
        return weight * math.sqrt(len(weight))

    def _fuse(self, layer: Any) -> _Layer:
        attention, mlp = layer.self_attn, layer.mlp
        before, after = self._gain(layer.input_layernorm), self._gain(layer.post_attention_layernorm)
        scale = self._head_width**-0.5
        queries, others = attention.q_proj, (attention.k_proj, attention.v_proj)
        return _Layer(
            torch.cat([weight(queries) * scale, *(weight(each) for each in others)]) * before,
            torch.cat([queries.bias * scale, *(each.bias for each in others)]),
            weight(attention.o_proj).T,
            torch.cat([weight(mlp.gate_proj), weight(mlp.up_proj)]) * after,
            weight(mlp.down_proj).T,
        )

    def _angles(self) -> tuple[Tensor, Tensor]:
        """(L + steps, 1, D) cosines, and sines with the sign of the half that they are added to."""
        model: Any = self._model
        places = torch.arange(self._visible.shape[1], device=model.device)[None]
        cosine, sine = model.model.rotary_emb(torch.zeros(1, device=model.device), places)
        half = torch.ones(self._head_width, device=model.device)
        half[: self._head_width // 2] = -1
        return cosine[0, :, None], (sine[0] * half)[:, None]

    def _logits(self, tokens: Tensor, mask: Tensor, positions: Tensor, start: int) -> Tensor:
        model: Any = self._model
        rows, count = tokens.shape
        states = nn.functional.embedding(tokens.flatten(), model.model.embed_tokens.weight)
        angles = self._cosine[positions.flatten()], self._sine[positions.flatten()]
        hidden = ~mask[..., : self._end]
        bias = torch.zeros_like(hidden, dtype=torch.float32).masked_fill_(hidden, -math.inf)
        for number, layer in enumerate(self._layers):
            heads = nn.functional.linear(self._normed(states), layer.qkv, layer.qkv_bias)
            queries = self._cached(number, heads, angles, rows, start)
            read = nn.functional.scaled_dot_product_attention(
                queries,
                self._keys[number][:, :, : self._end],
                self._values[number][:, :, : self._end],
                attn_mask=bias,
                scale=1.0,  # it is in the weights
            )
            states = torch.addmm(states, read.transpose(1, 2).reshape(rows * count, -1), layer.output)
            gate, up = nn.functional.linear(self._normed(states), layer.gate_up).chunk(2, -1)
            states = torch.addmm(states, nn.functional.silu(gate).mul_(up), layer.down)
        last = states.view(rows, count, -1)[:, -1]
        return nn.functional.linear(self._normed(last), self._head, self._head_bias)

    def _normed(self, states: Tensor) -> Tensor:
        return states / torch.hypot(torch.linalg.vector_norm(states, dim=-1, keepdim=True), self._floor)

    def _cached(
        self, number: int, heads: Tensor, angles: tuple[Tensor, Tensor], rows: int, start: int
    ) -> Tensor:
        """(B, heads, n, D) queries of a layer; its keys and values are put into the cache from `start` on."""
        heads = heads.view(rows, len(heads) // rows, -1, self._head_width)
        turned, values = heads.tensor_split([self._queries + self._groups], 2)
        cosine, sine = (angle.view(*heads.shape[:2], 1, -1) for angle in angles)
        turned = torch.addcmul(turned * cosine, turned.roll(self._head_width // 2, -1), sine)
        queries, keys = turned.tensor_split([self._queries], 2)
        if self._groups < self._queries:
            keys, values = (x.repeat_interleave(self._queries // self._groups, 2) for x in (keys, values))
        self._keys[number][:, :, start : self._end] = keys.transpose(1, 2)
        self._values[number][:, :, start : self._end] = values.transpose(1, 2)
        return queries.transpose(1, 2)

    def _select(self, rows: Tensor) -> None:
        self._keys = [keys[rows] for keys in self._keys]
        self._values = [values[rows] for values in self._values]


def kind_for(model: PreTrainedModel) -> type[Decoder]:
    """The decoder that suits the model."""
    return SmallQwen2Decoder if SmallQwen2Decoder.fits(model) else Decoder
