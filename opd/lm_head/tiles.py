"""The whole head in tiles: statistics over the vocabulary, and losses that need the normaliser."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from opd.lm_head.head import Head
from opd.support import top_k

# Bytes of a tile of float32 logits; a backward pass through `recomputed` holds about three. Smaller tiles
# cost time where the head is trained, as each makes a gradient of the whole weight.
_TILE_BYTES = 128 * 2**20
_POSITIONS = 4096


class Statistics(NamedTuple):
    """Of N positions: the k largest logits with their ids, log-sum-exp and entropy, in nats."""

    top_ids: Tensor
    top_logits: Tensor
    log_normaliser: Tensor
    entropy: Tensor


@torch.no_grad()
def statistics(head: Head, states: Tensor, k: int) -> Statistics:
    """One pass over the vocabulary in tiles: running top k, log-sum-exp and mean logit. No gradient.

    Ties among the k largest go to the smaller id, whatever the tiling.
    """
    parts = [_statistics(head, part, k) for part in states.split(_POSITIONS)]
    return Statistics(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _statistics(head: Head, states: Tensor, k: int) -> Statistics:
    width = max(k, _TILE_BYTES // (4 * max(1, len(states))))
    total: Statistics | None = None
    for first in range(0, head.vocabulary_size, width):
        logits = head.logits(states, first, min(first + width, head.vocabulary_size))
        tile = _of_tile(logits, first, k)
        total = tile if total is None else _merge(total, tile, k)
    assert total is not None
    # What ran along as `entropy` is the mean logit until here.
    return total._replace(entropy=total.log_normaliser - total.entropy)


def _of_tile(logits: Tensor, first: int, k: int) -> Statistics:
    ids = top_k(logits, min(k, logits.shape[-1]))
    log_normaliser = logits.logsumexp(-1)
    mean_logit = ((logits - log_normaliser[:, None]).exp() * logits).sum(-1)
    return Statistics(ids + first, logits.gather(-1, ids), log_normaliser, mean_logit)


def _merge(total: Statistics, tile: Statistics, k: int) -> Statistics:
    logits = torch.cat([total.top_logits, tile.top_logits], -1)
    ids = torch.cat([total.top_ids, tile.top_ids], -1)
    order = logits.sort(dim=-1, descending=True, stable=True).indices[:, :k]
    log_normaliser = total.log_normaliser.logaddexp(tile.log_normaliser)
    mean_logit = (total.log_normaliser - log_normaliser).exp() * total.entropy
    mean_logit = mean_logit + (tile.log_normaliser - log_normaliser).exp() * tile.entropy
    return Statistics(ids.gather(-1, order), logits.gather(-1, order), log_normaliser, mean_logit)


def recomputed(loss: Callable[..., Tensor], head: Head, states: Tensor, *per_position: Tensor) -> Tensor:
    """(N,) losses that need all of log p, with the (n, V) logits recomputed in the backward pass.

    `loss(log_p, *rest)` gets (n, V) float32 log-probabilities of n consecutive positions and the same
    positions of every tensor in `per_position`, and returns (n, ...).
    """
    count = max(1, _TILE_BYTES // (4 * head.vocabulary_size))

    def of_part(part_states: Tensor, *rest: Tensor) -> Tensor:
        return loss(head.logits(part_states).log_softmax(-1), *rest)

    losses = []
    for start in range(0, len(states), count):
        part = slice(start, start + count)
        rest = [tensor[part] for tensor in per_position]
        losses.append(checkpoint(of_part, states[part], *rest, use_reentrant=False))
    return torch.cat(losses) if losses else states.new_zeros(0, dtype=torch.float32)
