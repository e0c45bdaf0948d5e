"""Special-token masks on a response whose every position is known."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from opd import masks
from opd.batch import from_pairs
from opd.scoring.compare import compare
from opd.spec import MaskSpec

# Tokens 8 9 10 spell a marker; 9 also occurs alone.
BATCH = from_pairs([([1, 8], [9, 8, 9, 10, 9, 5]), ([8, 9], [10, 8, 9, 8, 9, 10])], pad_id=0)


@pytest.fixture
def spelling():
    """A tokenizer in which these ids spell `<think>`, and 5 is another word."""
    words = {"<": 8, "think": 9, ">": 10, "so": 5, "?": 0}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="?")


def test_first_occurrences_per_response():
    assert masks.first_occurrences(BATCH, [9, 10]).tolist() == [0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1]
    assert masks.first_occurrences(BATCH, [77]).tolist() == [1] * 12


def test_every_occurrence():
    assert masks.every_occurrence(BATCH, [9]).tolist() == [0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1]


def test_spans_need_the_whole_marker_within_one_response(spelling):
    assert masks.spans(BATCH, ["<think>"], spelling).tolist() == [1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0]
    # 5 ends the first response and 10 begins the second: not a marker.
    assert masks.spans(BATCH, ["so>"], spelling).tolist() == [1] * 12
    assert masks.spans(BATCH, ["<think>", "so"], spelling).tolist() == [1, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 0]
    assert masks.spans(BATCH, ["<think>" * 9], spelling).tolist() == [1] * 12


def test_teacher_mass():
    log_q = torch.tensor([[0.05, 0.04], [0.08, 0.08], [0.0, 0.1]]).log()
    assert masks.teacher_mass(log_q, 0.1).tolist() == [1, 0, 1]


def test_teacher_mass_equals_a_softmax_over_the_vocabulary(student, teacher):
    log_q = compare(student, teacher, BATCH, 5, 64, "sampled", marker_ids=[8, 9, 10, 200]).marker_log_q
    logits = teacher(input_ids=BATCH.tokens).logits[:, :-1].double()[BATCH.generated[:, 1:]]
    mass = logits.softmax(-1)[:, [8, 9, 10, 200]].sum(-1)
    threshold = float(mass.median())
    found = masks.teacher_mass(log_q, threshold)
    margin = (mass - threshold).abs() > 1e-6  # the median itself may be rounded to either side
    assert torch.equal(found[margin], (mass <= threshold)[margin].float())
    assert margin.sum() == len(found) - 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("none", [1] * 12),
        ("first_occurrence", [0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1]),
        ("every_occurrence", [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        ("span", [1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0]),
    ],
)
def test_build_is_the_mask_of_that_kind_times_that_of_the_teacher(kind, expected, spelling):
    spec = MaskSpec(kind=kind, markers=("<think>",))
    assert masks.build(spec, [8, 9, 10], spelling, BATCH, None).tolist() == expected
    log_q = torch.full((12, 3), 0.05).log()
    log_q[4] = log_q[9] = torch.tensor(0.3).log()
    expected = [0 if place in (4, 9) else value for place, value in enumerate(expected)]
    spec = spec.model_copy(update={"teacher_mass": 0.2})
    assert masks.build(spec, [8, 9, 10], spelling, BATCH, log_q).tolist() == expected


def test_markers_are_read_by_the_tokenizer(tokenizer):
    texts = ("<think>", "</think>", "<|im_end|>", "<th ink >", "<")
    ids = masks.marker_ids(MaskSpec(kind="every_occurrence", markers=texts), tokenizer)
    tokens = ["<", "think", ">", "</", "<|im_end|>", "<th", "ink"]
    assert ids == sorted(tokenizer.convert_tokens_to_ids(tokens))


def test_unknown_markers_are_refused_where_they_are_used(tokenizer):
    for strange in ("<thought>", "", "<think> hm"):
        with pytest.raises(ValueError, match=f"has '{strange}', which the student's tokenizer does not know"):
            masks.marker_ids(MaskSpec(teacher_mass=0.1, markers=("<think>", strange)), tokenizer)
        assert masks.marker_ids(MaskSpec(markers=("<think>", strange)), tokenizer) == []


def test_another_kind_is_named(spelling):
    spec = MaskSpec().model_copy(update={"kind": "last_occurrence"})
    with pytest.raises(ValueError, match="unknown kind of mask 'last_occurrence'"):
        masks.build(spec, [], spelling, BATCH, None)
