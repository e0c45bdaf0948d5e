"""Supports against sets in plain Python."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from opd import support as supports
from opd.names import SUPPORTS
from opd.support import EMPTY, intersection, nucleus, renormalise, top_k, union, with_sampled, with_tail


def rows(support):
    return [[token for token in row if token != EMPTY] for row in support.tolist()]


@given(st.lists(st.integers(0, 4), min_size=3, max_size=30), st.integers(1, 3))
def test_top_k_breaks_ties_by_the_smaller_id(values, k):
    expected = sorted(range(len(values)), key=lambda i: (-values[i], i))[:k]
    assert top_k(torch.tensor([values] * 2).float(), k).tolist() == [expected] * 2


def test_top_k_of_tied_bfloat16_logits_is_reproducible():
    logits = (torch.randn(4, 5000, generator=torch.Generator().manual_seed(0)) * 2).bfloat16().float()
    expected = logits.sort(dim=-1, descending=True, stable=True).indices[:, :16]
    assert torch.equal(top_k(logits, 16), expected)


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4, unique=True), min_size=2, max_size=2),
    st.integers(0, 9),
)
def test_set_operations(pair, sampled):
    first, second = (torch.tensor([ids]) for ids in pair)
    assert rows(intersection(first, second)) == [[i for i in pair[0] if i in pair[1]]]
    assert rows(union(first, second)) == [pair[0] + [i for i in pair[1] if i not in pair[0]]]
    extended = with_sampled(first, torch.tensor([sampled]))
    assert rows(extended) == [pair[0] + [sampled] * (sampled not in pair[0])]
    assert supports.contains(extended, torch.tensor([sampled])).item()
    assert supports.contains(first, torch.tensor([sampled])).item() == (sampled in pair[0])


def test_nucleus_is_the_smallest_set_that_reaches_the_mass():
    ids = torch.tensor([[7, 3, 5, 1]] * 2)
    log_probs = torch.tensor([[0.5, 0.25, 0.125, 0.0625], [0.9, 0.05, 0.02, 0.01]]).log()
    assert rows(nucleus(ids, log_probs, 0.5)) == [[7], [7]]
    assert rows(nucleus(ids, log_probs, 0.51)) == [[7, 3], [7]]
    assert rows(nucleus(ids, log_probs, 0.95)) == [[7, 3, 5, 1], [7, 3]]
    assert rows(nucleus(ids, log_probs, 1e-9)) == [[7], [7]]


@pytest.mark.parametrize("name", [name for name in SUPPORTS if name not in ("sampled", "vocabulary")])
def test_every_named_support_is_built_without_repeats(name):
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 20, 10, generator=generator).log_softmax(-1)
    tops = top_k(student, 3), top_k(teacher, 3)
    sampled = torch.randint(0, 10, (20,), generator=generator)
    built = supports.build(name, *tops, teacher.gather(-1, tops[1]), sampled, 0.5)
    for row in rows(built):
        assert len(row) == len(set(row))
        assert all(0 <= token < 10 for token in row)
    if name.endswith("sampled"):
        assert supports.contains(built, sampled).all()


def test_unknown_support_lists_the_known_ones():
    ids = torch.zeros(1, 1, dtype=torch.long)
    with pytest.raises(ValueError, match="known: sampled, teacher_top_k"):
        supports.build("top", ids, ids, ids.float(), ids[0], 1.0)


def test_empty_slots_carry_no_probability():
    support = torch.tensor([[2, EMPTY], [EMPTY, EMPTY]])
    log_probs = supports.gather(torch.tensor([[0.2, 0.3, 0.5]] * 2).log(), support)
    assert log_probs.exp().tolist() == [[0.5, 0], [0, 0]]
    assert renormalise(log_probs).exp().tolist() == [[1, 0], [0, 0]]
    torch.testing.assert_close(with_tail(log_probs).exp(), torch.tensor([[0.5, 0, 0.5], [0, 0, 1.0]]))


def test_a_support_with_all_the_mass_has_a_finite_tail():
    log_probs = torch.tensor([[0.25, 0.75]]).log().requires_grad_()
    tail = with_tail(log_probs)
    assert math.isfinite(tail[0, 2].item())
    assert tail[0, 2].exp().item() < 1e-6
    assert torch.isfinite(torch.autograd.grad(tail.sum(), log_probs)[0]).all()
