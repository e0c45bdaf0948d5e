"""Batched decoding, for any causal model of transformers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from opd.batch import TokenBatch
from opd.rollout.decoder import Decoder, kind_for
from opd.rollout.response import Response
from opd.rollout.sampling import draw
from opd.spec import SamplingSpec

# Finished rows are dropped from the cache once fewer than this share of its rows is alive.
_COMPACT_BELOW = 0.75


@dataclass(frozen=True)
class Rollouts:
    """Sampled responses: prompts padded on the left, responses (B, T) on the right.

    `batch` holds both, with the response tokens (the end token included) marked as generated;
    `finished` (B,) is true where the end token came before the cap; `log_prob` (B,) is the
    log-probability of the response under the sampling settings, in nats (0 when greedy);
    `log_probs` (B, T) are those of its tokens under the model itself, at temperature 1.
    """

    batch: TokenBatch
    finished: Tensor
    log_prob: Tensor
    log_probs: Tensor

    def responses(self) -> list[Response]:
        """The rollouts one by one."""
        columns = self.finished.tolist(), self.log_prob.tolist(), self.log_probs.tolist()
        found = []
        for row, (finished, log_prob, log_probs) in enumerate(zip(*columns, strict=True)):
            tokens = self.batch.response(row)
            found.append(
                Response(self.batch.prompt(row), tokens, finished, log_prob, log_probs[: len(tokens)])
            )
        return found


@torch.no_grad()
def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    uniform: Tensor,
    sampling: SamplingSpec,
    end_ids: Sequence[int],
    pad_id: int,
    kind: type[Decoder] | None = None,
) -> Rollouts:
    """Decode one response per prompt, `sampling.max_new_tokens` tokens at most.

    `uniform` (B, T) drives the draws. A response ends with the first of `end_ids`; all other settings come
    from `sampling` alone, and the model's own generation_config is never read. `kind` None is the decoder
    that suits the model.
    """
    device = model.device
    prompt, real = _pad_left(prompts, pad_id, device)
    ends = torch.tensor(end_ids, dtype=torch.long, device=device)
    decoding = (kind or kind_for(model))(model, prompt, real, sampling.max_new_tokens)
    drawn = _decode(decoding, uniform.to(device), sampling, ends)
    return _assemble(prompt, real, drawn, ends, pad_id)


class _Drawn(NamedTuple):
    """(B, T) tokens, their log-probabilities as they were drawn, and those under the model itself.

    Behind the first end token of a row anything may stand.
    """

    tokens: Tensor
    drawn: Tensor
    own: Tensor


def _decode(decoding: Decoder, uniform: Tensor, sampling: SamplingSpec, ends: Tensor) -> _Drawn:
    """Draw token after token until every response has ended or T tokens are there."""
    count, steps, device = len(uniform), sampling.max_new_tokens, uniform.device
    tokens = torch.zeros(count, steps, dtype=torch.long, device=device)
    drawn = torch.zeros(count, steps, dtype=torch.float64, device=device)
    own = torch.zeros_like(drawn)
    rows = torch.arange(count, device=device)
    alive = torch.ones(count, dtype=torch.bool, device=device)
    logits = decoding.first()
    for step in range(steps):
        token, drawn[rows, step], own[rows, step] = draw(
            logits, uniform[rows, step], sampling.temperature, sampling.top_p
        )
        tokens[rows, step] = token
        # A finished row that was not dropped yet goes on decoding; only its first end counts.
        alive &= ~torch.isin(token, ends)
        alive_count = int(alive.sum())
        if alive_count == 0 or step + 1 == steps:
            break
        if alive_count < _COMPACT_BELOW * len(rows):
            keep = alive.nonzero()[:, 0]
            rows, token, alive = rows[keep], token[keep], alive[keep]
            decoding.keep(keep)
        logits = decoding.after(token)
    return _Drawn(tokens, drawn, own)


def _assemble(prompt: Tensor, real: Tensor, response: _Drawn, ends: Tensor, pad_id: int) -> Rollouts:
    """Prompts (B, P), their real tokens, and what was drawn up to the first end of each response."""
    ended = torch.isin(response.tokens, ends)
    finished, steps = ended.any(-1), ended.shape[1]
    lengths = torch.where(finished, ended.long().argmax(-1) + 1, steps)
    generated = torch.arange(steps, device=prompt.device) < lengths[:, None]
    batch = TokenBatch(
        tokens=torch.cat([prompt, response.tokens.masked_fill(~generated, pad_id)], 1),
        attention=torch.cat([real, generated], 1),
        generated=torch.cat([torch.zeros_like(real), generated], 1),
    )
    log_prob = response.drawn.masked_fill(~generated, 0).sum(-1)
    everyone = torch.arange(len(prompt), device=prompt.device)
    return Rollouts(batch.rows(everyone), finished, log_prob, response.own)


def _pad_left(prompts: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    width = max(len(prompt) for prompt in prompts)
    padding = [width - len(prompt) for prompt in prompts]
    rows = [[pad_id] * pad + list(prompt) for pad, prompt in zip(padding, prompts, strict=True)]
    real = torch.arange(width) >= torch.tensor(padding)[:, None]
    return torch.tensor(rows, device=device), real.to(device)
