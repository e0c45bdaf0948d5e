"""Drawing the next token: nucleus sampling by inverse transform, one random stream per sample."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_HEAD = 32


class Draw(NamedTuple):
    """B drawn tokens (B,), with log-probabilities (B,) in float64 and nats.

    `log_prob` is the one with which the token was drawn, `model_log_prob` that of the model itself, at
    temperature 1 and over the whole vocabulary.
    """

    token: Tensor
    log_prob: Tensor
    model_log_prob: Tensor


def uniforms(keys: Sequence[str], length: int) -> Tensor:
    """(len(keys), length) uniform numbers in [0, 1): row i is a pure function of keys[i].

    Since every sample owns its stream, what is drawn does not depend on which samples share a
    batch, in which order, or on how many tokens the others took.
    """
    rows = []
    for key in keys:
        philox = np.random.Philox(key=int.from_bytes(_digest(key)[:16]))
        rows.append(np.random.Generator(philox).random(length))
    return torch.from_numpy(np.stack(rows))


def seed(key: str) -> int:
    """The sample's seed, for engines that take an integer: the first 63 bits of the key's sha256."""
    return int.from_bytes(_digest(key)[:8]) >> 1


def draw(logits: Tensor, uniform: Tensor, temperature: float, top_p: float) -> Draw:
    """A token per row of (B, V) logits, drawn with one uniform number per row, (B,).

    Temperature 0 takes the most probable token, with certainty. `top_p` below 1 keeps the smallest set
    of most probable tokens whose mass reaches it, as `transformers` and vLLM do.
    """
    if temperature == 0:
        best = logits.argmax(-1)
        certain = torch.zeros(len(logits), dtype=torch.float64, device=logits.device)
        return Draw(best, certain, _log_probs_of(best, logits))
    probabilities = (logits.float() / temperature).softmax(-1)
    if top_p == 1:
        chosen = _invert(probabilities.double().cumsum(-1), uniform)
        log_prob = probabilities.gather(-1, chosen[:, None])[:, 0].double().log()
        return Draw(chosen, log_prob, log_prob if temperature == 1 else _log_probs_of(chosen, logits))
    ordered, ids = _most_probable(probabilities, top_p)
    cumulative = ordered.double().cumsum(-1)
    outside = (cumulative - ordered) >= top_p
    nucleus = cumulative.masked_fill(outside, 0).amax(-1, keepdim=True)
    choice = _invert(cumulative.minimum(nucleus), uniform)[:, None]
    chosen, probability = ids.gather(-1, choice)[:, 0], ordered.gather(-1, choice)
    own = probability[:, 0].double().log() if temperature == 1 else _log_probs_of(chosen, logits)
    return Draw(chosen, (probability / nucleus)[:, 0].log(), own)


def _log_probs_of(token: Tensor, logits: Tensor) -> Tensor:
    return logits.float().log_softmax(-1).gather(-1, token[:, None])[:, 0].double()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _most_probable(probabilities: Tensor, top_p: float) -> tuple[Tensor, Tensor]:
    """The most probable tokens in order, ties to the smaller id, enough to hold the nucleus, and their ids.

    A nucleus is nearly always small, and a partial sort is ten times cheaper than a full one. Which of the
    tokens that tie with its last one it holds is not said, so the nucleus has to end above them.
    """
    head, ids = probabilities.topk(min(_HEAD, probabilities.shape[-1]), -1)
    if ((head.double() * (head > head[:, -1:])).sum(-1) < top_p).any():
        return probabilities.sort(dim=-1, descending=True, stable=True)
    if (head[:, 1:] == head[:, :-1]).any():
        ids = ids.sort(-1).values
        head, order = probabilities.gather(-1, ids).sort(dim=-1, descending=True, stable=True)
        ids = ids.gather(-1, order)
    return head, ids


def _invert(cumulative: Tensor, uniform: Tensor) -> Tensor:
    """Index of the first entry whose cumulative mass exceeds uniform x the total mass."""
    target = uniform.to(cumulative)[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, target, right=True)[:, 0].clamp(max=cumulative.shape[-1] - 1)
