"""Special-token masks on a response whose every position is known."""

import torch

from opd import masks
from opd.batch import from_pairs

# Tokens 8 9 10 spell a marker; 9 also occurs alone.
BATCH = from_pairs([([1, 8], [9, 8, 9, 10, 9, 5]), ([8, 9], [10, 8, 9, 8, 9, 10])], pad_id=0)


def test_first_occurrences_per_response():
    assert masks.first_occurrences(BATCH, [9, 10]).tolist() == [0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1]
    assert masks.first_occurrences(BATCH, [77]).tolist() == [1] * 12


def test_every_occurrence():
    assert masks.every_occurrence(BATCH, [9]).tolist() == [0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1]


def test_spans_need_the_whole_marker_within_one_response():
    assert masks.spans(BATCH, [[8, 9, 10]]).tolist() == [1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0]
    # 5 ends the first response and 10 begins the second: not a marker.
    assert masks.spans(BATCH, [[5, 10]]).tolist() == [1] * 12
    assert masks.spans(BATCH, [[8, 9, 10], [5]]).tolist() == [1, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 0]
    assert masks.spans(BATCH, [[1] * 40]).tolist() == [1] * 12


def test_teacher_mass():
    log_q = torch.tensor([[0.05, 0.04], [0.08, 0.08], [0.0, 0.1]]).log()
    assert masks.teacher_mass(log_q, 0.1).tolist() == [1, 0, 1]
