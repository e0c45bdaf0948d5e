"""Token batches: which positions count, and cutting them into parts."""

import torch

from opd.batch import from_pairs


def test_from_pairs_marks_responses():
    batch = from_pairs([([1, 2], [3, 4, 5]), ([6], [7])], pad_id=0)
    assert batch.tokens.tolist() == [[1, 2, 3, 4, 5], [6, 7, 0, 0, 0]]
    assert batch.attention.sum(-1).tolist() == [5, 2]
    assert batch.sampled.tolist() == [3, 4, 5, 7]
    assert batch.sequence.tolist() == [0, 0, 0, 1]
    assert batch.offset.tolist() == [0, 1, 2, 0]
    assert batch.lengths.tolist() == [3, 1]
    assert batch.tokens[batch.predictors].tolist() == [2, 3, 4, 6]


def test_rows_drop_common_padding_only():
    batch = from_pairs([([1, 2], [3, 4, 5]), ([6], [7]), ([8, 9], [1])], pad_id=0)
    part = batch.rows(1, 3)
    assert part.tokens.tolist() == [[6, 7, 0], [8, 9, 1]]
    assert part.sampled.tolist() == [7, 1]
    together = torch.cat([batch.rows(0, 1).sampled, part.sampled])
    assert together.tolist() == batch.sampled.tolist()
