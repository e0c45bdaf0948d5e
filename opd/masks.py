"""Special-token masks: which positions of a response a loss leaves out.

Student and teacher may spell markers such as `<think>` or the end of turn with different tokens, and the
teacher then punishes the student's spelling. Each function returns a (N,) float mask over the generated
positions, 0 where a position is left out.
"""

import torch
from torch import Tensor

from opd.batch import TokenBatch


def first_occurrences(batch: TokenBatch, ids: list[int]) -> Tensor:
    """Leaves out the first occurrence of each id in each response.

    What the code of arXiv 2603.25562 does (`_compute_opd_kl_mask`), ordinary uses of the same id
    included: an id that is part of a marker is masked wherever it comes first.
    """
    mask = torch.ones(len(batch.sampled), device=batch.tokens.device)
    for token in ids:
        places = (batch.sampled == token).nonzero()[:, 0]
        sequences = batch.sequence[places]
        first = torch.ones_like(sequences, dtype=torch.bool)
        first[1:] = sequences[1:] != sequences[:-1]
        mask[places[first]] = 0
    return mask


def every_occurrence(batch: TokenBatch, ids: list[int]) -> Tensor:
    """Leaves out every position whose sampled token is one of the ids."""
    marked = torch.isin(batch.sampled, torch.tensor(ids, device=batch.tokens.device))
    return (~marked).float()


def spans(batch: TokenBatch, markers: list[list[int]]) -> Tensor:
    """Leaves out complete markers: runs of a response's tokens equal to one of the token sequences.

    A part of a marker on its own keeps its loss, so masked ids are no refuge from it.
    """
    sampled, sequence = batch.sampled, batch.sequence
    mask = torch.ones(len(sampled), device=batch.tokens.device)
    for marker in markers:
        count = len(sampled) - len(marker) + 1
        if count <= 0:
            continue
        windows = sampled.unfold(0, len(marker), 1)
        matches = (windows == torch.tensor(marker, device=sampled.device)).all(-1)
        matches &= sequence[:count] == sequence[len(marker) - 1 :]
        for shift in range(len(marker)):
            mask[shift : shift + count][matches] = 0
    return mask


def teacher_mass(marker_log_q: Tensor, threshold: float) -> Tensor:
    """Leaves out positions where the teacher's mass on marker tokens exceeds `threshold`.

    `marker_log_q` (N, M) are its log-probabilities of the M marker ids. This protects support losses,
    which compare distributions at positions where the student sampled something else.
    """
    return (marker_log_q.exp().sum(-1) <= threshold).float()
