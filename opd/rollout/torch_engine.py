"""Batched decoding in this process, for any causal model of transformers."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from opd import models
from opd.rollout.decoder import Decoder, kind_for
from opd.rollout.response import Response
from opd.rollout.sampling import draw, uniforms
from opd.spec import SamplingSpec

# Finished rows are dropped from the cache once fewer than this share of its rows is alive.
_COMPACT_BELOW = 0.75


class TorchEngine:
    """A model that is in memory, `batch_size` responses at a time."""

    version = f"torch {torch.__version__}"

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, batch_size: int) -> None:
        self._model, self.tokenizer, self._batch_size = model, tokenizer, batch_size
        self.dtype, self.end_ids = model.dtype, models.end_ids(tokenizer, model.generation_config)

    def stream(
        self, questions: Sequence[str], keys: Sequence[str], sampling: SamplingSpec, done: set[int]
    ) -> Iterator[tuple[int, Response]]:
        """Batch after batch. One that is partly done is decoded again in whole, to be rounded alike."""
        for start in range(0, len(questions), self._batch_size):
            here = slice(start, start + self._batch_size)
            rows = range(start, start + len(questions[here]))
            if done.issuperset(rows):
                continue
            responses = respond(self._model, self.tokenizer, questions[here], keys[here], sampling)
            answered = zip(rows, responses, strict=True)
            yield from ((row, response) for row, response in answered if row not in done)

    def awake(self, model: PreTrainedModel) -> AbstractContextManager:
        """The trainer's model is the engine's."""
        self._model = model
        return nullcontext()

    def given_back_mib(self) -> float:
        """None: the engine has no memory of its own."""
        return 0.0


def respond(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[str],
    keys: Sequence[str],
    sampling: SamplingSpec,
) -> list[Response]:
    """One response per question; response i draws from the random stream of keys[i] alone.

    Of the model's generation_config nothing counts but what may end a response; see `opd.models.end_ids`.
    """
    return generate(
        model,
        [models.prompt_ids(tokenizer, question) for question in questions],
        uniforms(keys, sampling.max_new_tokens),
        sampling,
        models.end_ids(tokenizer, model.generation_config),
        models.padding_id(tokenizer),
    )


@torch.no_grad()
def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    uniform: Tensor,
    sampling: SamplingSpec,
    end_ids: Sequence[int],
    pad_id: int,
    kind: type[Decoder] | None = None,
) -> list[Response]:
    """Decode one response per prompt, `sampling.max_new_tokens` tokens at most.

    `uniform` (B, T) drives the draws. A response ends with the first of `end_ids`; all other settings come
    from `sampling` alone, and the model's own generation_config is never read. `pad_id`, whichever id it is,
    fills up the shorter prompts. `kind` None is the decoder that suits the model.
    """
    device = model.device
    prompt, real = _pad_left(prompts, pad_id, device)
    ends = torch.tensor(end_ids, dtype=torch.long, device=device)
    decoding = (kind or kind_for(model))(model, prompt, real, sampling.max_new_tokens)
    drawn = _decode(decoding, uniform.to(device), sampling, ends)
    return _assemble(prompts, drawn, ends)


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


def _assemble(prompts: Sequence[Sequence[int]], found: _Drawn, ends: Tensor) -> list[Response]:
    """One response per prompt: what was drawn up to and with the first end token."""
    ended = torch.isin(found.tokens, ends)
    finished, steps = ended.any(-1), ended.shape[1]
    lengths = torch.where(finished, ended.long().argmax(-1) + 1, steps)
    behind = torch.arange(steps, device=ends.device) >= lengths[:, None]
    log_prob = found.drawn.masked_fill(behind, 0).sum(-1)
    columns = (x.tolist() for x in (found.tokens, lengths, finished, log_prob, found.own))
    return [
        Response(list(prompt), tokens[:length], closed, total, own[:length])
        for prompt, tokens, length, closed, total, own in zip(prompts, *columns, strict=True)
    ]


def _pad_left(prompts: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    width = max(len(prompt) for prompt in prompts)
    padding = [width - len(prompt) for prompt in prompts]
    rows = [[pad_id] * pad + list(prompt) for pad, prompt in zip(padding, prompts, strict=True)]
    real = torch.arange(width) >= torch.tensor(padding)[:, None]
    return torch.tensor(rows, device=device), real.to(device)
