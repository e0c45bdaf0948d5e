"""Every response belongs to one minibatch and one rank, and each rank has its fair part of each."""

import pytest
import torch

from opd.parallel import ranks
from opd.parallel.share import divide

CPU = torch.device("cpu")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
@pytest.mark.parametrize(
    ("responses", "size"), [(8, 4), (8, 8), (9, 4), (13, 4), (16, 2), (128, 64), (31, 100)]
)
def test_parts_of_a_minibatch_differ_by_one_response(monkeypatch, count, responses, size):
    monkeypatch.setattr(ranks, "count", lambda: count)
    share = divide(responses, size, CPU)
    assert share.minibatches == max(1, round(responses / size))
    sizes = torch.zeros(share.minibatches, count, dtype=torch.long)
    sizes.index_put_((share.minibatch, share.owner), torch.tensor(1), accumulate=True)
    assert sizes.sum() == responses
    assert (sizes.amax(1) - sizes.amin(1)).max() <= 1
    assert (sizes.sum(0) > 0).all()


def test_alone_a_rank_has_all_rows_and_every_third_in_a_minibatch():
    share = divide(8, 3, CPU)
    assert share.rows.tolist() == list(range(8))
    assert [share.part(number).nonzero()[:, 0].tolist() for number in range(3)] == [
        [0, 3, 6],
        [1, 4, 7],
        [2, 5],
    ]


def test_lengths_alternate_among_ranks(monkeypatch):
    """Rows come shortest first: neighbours of a minibatch go to different ranks."""
    monkeypatch.setattr(ranks, "count", lambda: 2)
    owners = divide(8, 4, CPU).owner
    assert owners[::2].tolist() == [0, 1, 0, 1]
    assert owners[1::2].tolist() == [0, 1, 0, 1]


def test_more_ranks_than_responses_are_refused(monkeypatch):
    monkeypatch.setattr(ranks, "count", lambda: 4)
    with pytest.raises(ValueError, match="3 responses cannot be shared by 4 processes; start fewer"):
        divide(3, 2, CPU)
