"""Markers are found by their text, in a vocabulary that spells them as Qwen2.5's does."""

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from opd import masks
from opd.batch import from_pairs
from opd.markers import occurrences, token_texts
from opd.spec import MaskSpec

# The published pre-tokenizer of Qwen2.5: `<` goes with the letters after it, `</` does not.
_PIECES = Regex(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+"
)
_MERGES = [
    *(("t", "h"), ("<", "th"), ("i", "n"), ("in", "k"), ("th", "ink")),
    *(("<", "/"), (">", "Ċ"), ("Ġ", "a")),
]


@pytest.fixture(scope="module")
def tokenizer():
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    words = [*sorted(alphabet), *("".join(pair) for pair in _MERGES)]
    built = Tokenizer(models.BPE({word: place for place, word in enumerate(words)}, _MERGES))
    built.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(_PIECES, "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    built.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=built)
    fast.add_special_tokens({"eos_token": "<|im_end|>"})
    return fast


# What a model samples that was never trained on the text: `<` `think` `>`, the last with a line break.
SAMPLED = ["<", "think", ">Ċ", "a", "Ġa", "</", "think", ">", "Ċ", "<|im_end|>"]


def test_the_tokenizer_has_another_spelling_of_the_opening_marker_alone(tokenizer):
    assert tokenizer.tokenize("<think>\na") == ["<th", "ink", ">Ċ", "a"]
    assert tokenizer.tokenize("a</think>") == ["a", "</", "think", ">"]
    assert "Ġ" not in "".join(token_texts(torch.tensor([5]), tokenizer))


def test_spans_are_found_in_any_spelling(tokenizer):
    ids = tokenizer.convert_tokens_to_ids(SAMPLED)
    read = tokenizer("<think>\na a</think>\n<|im_end|>")["input_ids"]
    batch = from_pairs([([1], ids), ([1], read)], pad_id=0)
    spec = MaskSpec(kind="span")
    assert tokenizer.decode(ids) == tokenizer.decode(read)
    closed = [1, 1, 0, 0, 0]
    assert masks.build(spec, [], tokenizer, batch, None).tolist() == [
        *([0, 0, 0, *closed, 1, 0]),
        *([0, 0, 0, *closed, 0]),
    ]


def test_occurrences_are_the_tokens_that_overlap_the_text():
    tokens = ["x<", "th", "ink", ">y", "<think><think>", "<", "think"]
    assert list(occurrences(tokens, "<think>")) == [(0, 4), (4, 5), (4, 5)]
    assert list(occurrences(tokens, "nk><", "x", "<think><")) == [(4, 5), (4, 6), (0, 1), (4, 5)]
    assert list(occurrences([], "<think>")) == []
    assert list(occurrences(["a", "", "b"], "b")) == [(2, 3)]
