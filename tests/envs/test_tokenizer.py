"""The word-level tokenizer: text as people write it, markers in several tokens, 256 ids."""

from itertools import islice

import envs
from opd import models


def test_text_survives_the_round_trip(tokenizer):
    for _, response in islice(envs.load("chain_arithmetic").demonstrations("teacher", 5, 0), 50):
        ids = tokenizer(response)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids) == response


def test_markers_are_spelled_in_pieces(tokenizer):
    assert tokenizer.tokenize("<think> </think> \\boxed{6}") == [
        *("<", "think", ">", "</", "think", ">", "\\boxed{", "6", "}")
    ]


def test_vocabulary_has_exactly_256_ids(tokenizer):
    assert len(tokenizer) == 256
    assert sorted(tokenizer.get_vocab().values()) == list(range(256))


def test_prompt_has_the_chat_form(tokenizer):
    ids = models.prompt_ids(tokenizer, "x = 4 ; f * 2")
    assert tokenizer.convert_ids_to_tokens(ids) == (
        ["<|im_start|>", "user", "x", "=", "4", ";", "f", "*", "2", "<|im_end|>", "<|im_start|>", "assistant"]
    )


def test_saved_tokenizer_is_the_same(tokenizer, folders):
    loaded = models.load_tokenizer(folders[0])
    text = "<think> then f * 2 of 4 = 8 ; </think> the answer is \\boxed{8}"
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert loaded.decode(loaded(text)["input_ids"]) == text
    assert (loaded.eos_token_id, loaded.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)
    assert models.prompt_ids(loaded, "x = 4") == models.prompt_ids(tokenizer, "x = 4")
