"""Batched decoding with a static key-value cache, for any causal model of transformers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, StaticCache

from opd.batch import TokenBatch
from opd.rollout.sampling import draw
from opd.spec import SamplingSpec

# Finished rows are dropped from the cache once fewer than this share of its rows is alive.
_COMPACT_BELOW = 0.75


@dataclass(frozen=True)
class Rollouts:
    """Sampled responses: prompts padded on the left, responses (B, T) on the right.

    `batch` holds both, with the response tokens (end token included) marked as generated;
    `finished` (B,) is true where the end token came before the cap; `log_prob` (B,) is the
    log-probability of the response under the sampling settings, in nats (0 when greedy).
    """

    batch: TokenBatch
    finished: Tensor
    log_prob: Tensor

    def rows(self, index: Tensor) -> "Rollouts":
        """The rollouts of `index` (b,), in its order."""
        return Rollouts(self.batch.rows(index), self.finished[index], self.log_prob[index])

    def prompt(self, row: int) -> list[int]:
        """Token ids of one prompt, without its padding."""
        return self.batch.tokens[row][self.batch.attention[row] & ~self.batch.generated[row]].tolist()

    def response(self, row: int) -> list[int]:
        """Token ids of one response, the end token included."""
        return self.batch.tokens[row][self.batch.generated[row]].tolist()


@torch.no_grad()
def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    uniform: Tensor,
    sampling: SamplingSpec,
    end_id: int,
    pad_id: int,
) -> Rollouts:
    """Decode one response per prompt, `sampling.max_new_tokens` tokens at most.

    `uniform` (B, T) drives the draws. Settings come from `sampling` alone; the model's own
    generation_config is never read.
    """
    device = model.device
    prompt, real = _pad_left(prompts, pad_id, device)
    width, steps = prompt.shape[1], sampling.max_new_tokens
    uniform = uniform.to(device)

    response = torch.full((len(prompts), steps), pad_id, device=device)
    lengths = torch.full((len(prompts),), steps, device=device)
    finished = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    log_prob = torch.zeros(len(prompts), dtype=torch.float64, device=device)

    rows = torch.arange(len(prompts), device=device)
    cache = StaticCache(config=model.config, max_cache_len=width + steps)
    visible = torch.zeros(len(prompts), width + steps, dtype=torch.bool, device=device)
    visible[:, :width] = real
    next_position = real.sum(-1)
    logits = _prefill(model, prompt, real, visible, cache)

    for step in range(steps):
        token, drawn = draw(logits, uniform[rows, step], sampling.temperature, sampling.top_p)
        response[rows, step] = token
        # A finished row that was not dropped yet goes on decoding; only its first end counts.
        log_prob[rows] += drawn.masked_fill(finished[rows], 0)
        ended = (token == end_id) & ~finished[rows]
        finished[rows[ended]] = True
        lengths[rows[ended]] = step + 1

        alive = ~finished[rows]
        alive_count = int(alive.sum())
        if alive_count == 0 or step + 1 == steps:
            break
        if alive_count < _COMPACT_BELOW * len(rows):
            keep = alive.nonzero()[:, 0]
            rows, token, visible, next_position = (x[keep] for x in (rows, token, visible, next_position))
            _select_rows(cache, keep)
        visible[:, width + step] = True
        logits = _logits(model, token[:, None], visible[:, None, None], next_position[:, None], cache)
        next_position = next_position + 1

    generated = torch.arange(steps, device=device) < lengths[:, None]
    response = response.masked_fill(~generated, pad_id)
    batch = TokenBatch(
        tokens=torch.cat([prompt, response], 1),
        attention=torch.cat([real, generated], 1),
        generated=torch.cat([torch.zeros_like(real), generated], 1),
    )
    return Rollouts(batch.rows(torch.arange(len(prompts), device=device)), finished, log_prob)


def _pad_left(prompts: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    width = max(len(prompt) for prompt in prompts)
    padding = [width - len(prompt) for prompt in prompts]
    rows = [[pad_id] * pad + list(prompt) for pad, prompt in zip(padding, prompts, strict=True)]
    real = torch.arange(width) >= torch.tensor(padding)[:, None]
    return torch.tensor(rows, device=device), real.to(device)


def _prefill(
    model: PreTrainedModel, prompt: Tensor, real: Tensor, visible: Tensor, cache: StaticCache
) -> Tensor:
    """Fill the cache with the prompts and return the logits (B, V) of the first response token."""
    width = prompt.shape[1]
    causal = torch.ones(width, visible.shape[1], dtype=torch.bool, device=prompt.device).tril()
    # Padding sees itself: a row of attention that sees nothing would be NaN and spread.
    itself = torch.eye(width, visible.shape[1], dtype=torch.bool, device=prompt.device)
    mask = (causal & visible[:, None]) | itself
    positions = (real.long().cumsum(-1) - 1).clamp(min=0)
    return _logits(model, prompt, mask[:, None], positions, cache)


def _logits(
    model: PreTrainedModel, tokens: Tensor, mask: Tensor, positions: Tensor, cache: StaticCache
) -> Tensor:
    states = model.base_model(
        input_ids=tokens, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
    ).last_hidden_state
    return model.get_output_embeddings()(states[:, -1])


def _select_rows(cache: StaticCache, rows: Tensor) -> None:
    layer: Any  # transformers types the layers as a union that also holds caches without keys
    for layer in cache.layers:
        layer.keys = layer.keys[rows]
        layer.values = layer.values[rows]
        layer.batch_size = len(rows)
