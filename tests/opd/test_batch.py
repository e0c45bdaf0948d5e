"""Token batches: which positions count, and cutting them into parts."""

from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from opd.batch import aligned, from_pairs


def test_from_pairs_marks_responses():
    batch = from_pairs([([1, 2], [3, 4, 5]), ([6], [7])], pad_id=0)
    assert batch.tokens.tolist() == [[1, 2, 3, 4, 5], [6, 7, 0, 0, 0]]
    assert batch.attention.sum(-1).tolist() == [5, 2]
    assert batch.sampled.tolist() == [3, 4, 5, 7]
    assert batch.sequence.tolist() == [0, 0, 0, 1]
    assert batch.offset.tolist() == [0, 1, 2, 0]
    assert batch.lengths.tolist() == [3, 1]
    assert batch.tokens[batch.predictors].tolist() == [2, 3, 4, 6]


def test_aligned_pads_prompts_on_the_left():
    batch = aligned([([1, 2], [3, 4, 5]), ([6], [7])], pad_id=9)
    assert batch.tokens.tolist() == [[1, 2, 3, 4, 5], [9, 6, 7, 9, 9]]
    assert batch.attention.tolist() == [[True] * 5, [False, True, True, False, False]]
    assert batch.positions[1].tolist()[1:3] == [0, 1]
    assert batch.sampled.tolist() == [3, 4, 5, 7]


def test_rows_drop_common_padding_only():
    batch = from_pairs([([1, 2], [3, 4, 5]), ([6], [7]), ([8, 9], [1])], pad_id=0)
    part = batch.rows(torch.tensor([2, 1]))
    assert part.tokens.tolist() == [[8, 9, 1], [6, 7, 0]]
    assert part.sampled.tolist() == [1, 7]


LENGTHS = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 9)), min_size=1, max_size=12)


@given(LENGTHS, st.integers(1, 60))
def test_packed_parts_are_counted_without_padding(lengths, tokens):
    pairs = [([7] * prompt, list(range(1, response + 1))) for prompt, response in lengths]
    parts = list(replace(from_pairs(pairs, pad_id=0), packed=True).split(tokens))
    sizes = [int(part.attention.sum()) for part in parts]
    assert sum(sizes) == sum(map(sum, lengths))
    for part, size, following in zip(parts, sizes, [*parts[1:], None], strict=True):
        assert part.packed
        assert size <= tokens or len(part.tokens) == 1
        assert following is None or size + int(following.attention[0].sum()) > tokens


TOLD = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(1, 20)), min_size=1, max_size=12)


@given(TOLD, st.booleans())
def test_privileged_prompts_follow_their_responses_and_count(lengths, packed):
    student = [([7] * prompt, [row] * response) for row, (prompt, response, _) in enumerate(lengths)]
    teacher = [([8] * prompt, [row] * response) for row, (_, response, prompt) in enumerate(lengths)]
    batch = replace(from_pairs(student, pad_id=0), privileged=aligned(teacher, pad_id=0), packed=packed)
    batch = batch.to(torch.device("cpu")).rows(torch.arange(len(lengths)).flip(0))
    parts = list(batch.split(40))
    assert torch.cat([part.sampled for part in parts]).tolist() == batch.sampled.tolist()
    for part in parts:
        seen = part.as_the_teacher_reads
        assert seen.packed == packed
        assert seen.sampled.tolist() == part.sampled.tolist()
        for row, (number, *_) in enumerate(map(part.response, range(len(part.tokens)))):
            assert (part.prompt(row), part.response(row)) == student[number]
            assert (seen.prompt(row), seen.response(row)) == teacher[number]
        for reading in (part, seen):
            size = int(reading.attention.sum()) if packed else reading.tokens.numel()
            assert size <= 40 or len(part.tokens) == 1


def parts_by_definition(batch, tokens):
    """The rows of each part, where a part takes all sequences that it can."""
    parts = [[0]]
    for row in range(1, len(batch.tokens)):
        grown = batch.rows(torch.tensor([*parts[-1], row]))
        readings = (grown, grown.as_the_teacher_reads)
        sizes = [int(r.attention.sum()) if batch.packed else r.tokens.numel() for r in readings]
        if max(sizes) > tokens:
            parts.append([])
        parts[-1].append(row)
    return parts


@given(TOLD, st.integers(1, 120), st.booleans(), st.booleans())
def test_a_part_takes_all_the_sequences_that_it_can(lengths, tokens, packed, told):
    student = [([7] * prompt, [row] * response) for row, (prompt, response, _) in enumerate(lengths)]
    teacher = [([8] * prompt, [row] * response) for row, (_, response, prompt) in enumerate(lengths)]
    privileged = aligned(teacher, pad_id=0) if told else None
    batch = replace(aligned(student, pad_id=0), privileged=privileged, packed=packed)
    found = [part.sampled.unique_consecutive().tolist() for part in batch.split(tokens)]
    assert found == parts_by_definition(batch, tokens)


def test_a_teacher_reads_what_the_student_reads():
    batch = from_pairs([([1], [2])], pad_id=0)
    assert batch.as_the_teacher_reads is batch


def test_nothing_is_split_into_nothing():
    empty = from_pairs([([1], [2])], pad_id=0).rows(torch.zeros(0, dtype=torch.long))
    assert empty.tokens.shape == (0, 0)
    assert list(empty.split(8)) == []


@given(LENGTHS, st.integers(1, 60))
def test_split_keeps_positions_in_order_within_the_budget(lengths, tokens):
    pairs = [([7] * prompt, list(range(1, response + 1))) for prompt, response in lengths]
    batch = from_pairs(pairs, pad_id=0)
    parts = list(batch.split(tokens))
    assert torch.cat([part.sampled for part in parts]).tolist() == batch.sampled.tolist()
    assert sum(len(part.tokens) for part in parts) == len(pairs)
    for part in parts:
        assert part.attention.any(0).all()
        assert part.tokens.numel() <= tokens or len(part.tokens) == 1
