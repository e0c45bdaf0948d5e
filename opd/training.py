"""The training half of a step: minibatches, each an update, in as many passes as memory asks for."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from transformers import PreTrainedModel

from opd.batch import TokenBatch
from opd.learner import Learner
from opd.lm_head import head_of
from opd.loss import position_losses
from opd.parallel import passes, ranks
from opd.parallel.share import Share
from opd.reduction import position_weights
from opd.scoring.compare import Comparison, select
from opd.spec import DistillSpec

# A change of probability beyond which PPO clips; the range of the clip_fraction metric.
_CLIP_RANGE = 0.2


def train(
    spec: DistillSpec,
    student: Learner,
    teacher: PreTrainedModel,
    share: Share,
    batch: TokenBatch,
    comparison: Comparison,
    advantage: Tensor,
    mask: Tensor,
) -> Iterator[dict[str, float | None]]:
    """Update the student once per minibatch of whole sequences; yields each update's metrics.

    `batch` is this rank's share; `comparison`, `advantage` (N,) and `mask` (N,) belong to its N positions,
    before the first update.
    """
    batch = replace(batch, privileged=None)  # the teacher has read; passes are as long as the student's
    for number in range(share.minibatches):
        rows = share.part(number)
        minibatch, positions = batch.rows(rows.nonzero()[:, 0]), rows[batch.sequence].nonzero()[:, 0]
        loss, moved = accumulate(spec, student, teacher, minibatch, positions, comparison, advantage, mask)
        yield {"loss": loss, "gradient_norm": student.update(loss), "clip_fraction": moved}


def accumulate(
    spec: DistillSpec,
    student: Learner,
    teacher: PreTrainedModel,
    minibatch: TokenBatch,
    positions: Tensor,
    comparison: Comparison,
    advantage: Tensor,
    mask: Tensor,
) -> tuple[float, float | None]:
    """Add the minibatch's gradient to the student, a few sequences at a time.

    `minibatch` is this rank's part, and `positions` (n,) says where its positions are among the N that were
    compared; a few sequences' scores are copied at a time. `mask` (N,) says how much a position counts; at 0
    it is not evaluated. Returns the minibatch's loss and, where the objective computes the normaliser, the
    share of its tokens whose probability moved beyond PPO's clipping range. The gradient does not depend on
    how the minibatch is split, or divided among ranks.
    """
    own_mask = mask[positions]
    weights = position_weights(own_mask, minibatch.sequence, spec.objective.reduction, ranks.total)
    teacher_head = head_of(teacher).at(spec.teacher_temperature)

    moved: list[Tensor] = []  # bool, per part and where the normaliser is computed

    def loss_of(part: TokenBatch, here: slice, counted: Tensor) -> Tensor:
        places = positions[here][counted]
        known = select(comparison, places)
        losses, log_p = position_losses(
            spec.objective, student.model, teacher_head, part, counted, known, advantage[places]
        )
        if log_p is not None:
            moved.append(((log_p - known.student.sampled_log_prob).exp() - 1).abs() > _CLIP_RANGE)
        return (weights[here][counted] * losses).sum()

    parts = counted_parts(minibatch, own_mask, spec.tokens_per_forward)
    loss = passes.accumulate(student.root, [partial(loss_of, *part) for part in parts])
    counts = sum(int(part.sum()) for part in moved), sum(map(len, moved))
    sums = ranks.total(torch.tensor([loss, *counts], dtype=torch.float64))
    return sums[0].item(), (sums[1].float() / sums[2].float()).item() if sums[2] else None


def counted_parts(
    batch: TokenBatch, mask: Tensor, tokens_per_forward: int
) -> Iterator[tuple[TokenBatch, slice, Tensor]]:
    """(sequences, their positions in the batch, which of these count) of one forward pass after the other."""
    start = 0
    for part in batch.split(tokens_per_forward):
        here = slice(start, start + len(part.sampled))
        start, counted = here.stop, mask[here] > 0
        if counted.any():  # a short turn of a game may be markers alone
            yield part, here, counted
