"""Special-token masks: which positions of a response a loss leaves out.

Student and teacher may spell markers such as `<think>` or the end of turn with different tokens, and the
teacher then punishes the student's spelling. Each function returns a (N,) float mask over the generated
positions, 0 where a position is left out.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from opd.batch import TokenBatch
from opd.markers import occurrences, token_texts
from opd.spec import MaskSpec
from programs.errors import UserError


def marker_ids(spec: MaskSpec, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The M token ids that the tokenizer makes of the markers, ascending; none if the spec masks nothing.

    UserError if the tokenizer does not know a marker.
    """
    if not spec.used:
        return []
    spelled = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in spec.markers]
    for text, ids in zip(spec.markers, spelled, strict=True):
        if not ids or tokenizer.unk_token_id in ids:
            raise UserError(f"mask.markers has {text!r}, which the student's tokenizer does not know")
    return sorted({token for ids in spelled for token in ids})


def build(
    spec: MaskSpec,
    ids: list[int],
    tokenizer: PreTrainedTokenizerBase,
    batch: TokenBatch,
    marker_log_q: Tensor | None,
) -> Tensor:
    """The (N,) mask of a spec, whose `marker_ids` are `ids`.

    `marker_log_q` (N, M): the teacher's log-probabilities of them, for `teacher_mass`.
    """
    match spec.kind:
        case "none":
            mask = torch.ones(len(batch.sampled), device=batch.tokens.device)
        case "first_occurrence":
            mask = first_occurrences(batch, ids)
        case "every_occurrence":
            mask = every_occurrence(batch, ids)
        case "span":
            mask = spans(batch, spec.markers, tokenizer)
        case _:
            raise ValueError(f"unknown kind of mask {spec.kind!r}")
    if spec.teacher_mass is not None:
        assert marker_log_q is not None
        mask = mask * teacher_mass(marker_log_q, spec.teacher_mass)
    return mask


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


def spans(batch: TokenBatch, markers: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """Leaves out complete markers: the tokens that hold any of the texts, however they spell it.

    A part of a marker on its own keeps its loss, so masked ids are no refuge from it.
    """
    mask = torch.ones(len(batch.sampled))
    texts, start = token_texts(batch.sampled, tokenizer), 0
    for length in batch.lengths.tolist():
        of_response = texts[start : start + length]
        for first, end in occurrences(of_response, *markers):
            mask[start + first : start + end] = 0
        start += length
    return mask.to(batch.tokens.device)


def teacher_mass(marker_log_q: Tensor, threshold: float) -> Tensor:
    """Leaves out positions where the teacher's mass on marker tokens exceeds `threshold`.

    `marker_log_q` (N, M) are its log-probabilities of the M marker ids. This protects support losses,
    which compare distributions at positions where the student sampled something else.
    """
    return (marker_log_q.exp().sum(-1) <= threshold).float()
