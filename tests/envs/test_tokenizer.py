"""The word-level tokenizer: text as people write it, markers in several tokens, 256 ids."""

from itertools import islice

import pytest

import envs
from envs.alfworld import vocabulary
from envs.alfworld.demonstrations import demonstrate
from envs.alfworld.game import SPLITS
from envs.alfworld.generator import generate
from envs.alfworld.panel import make_panel
from envs.alfworld.protocols import Compact
from envs.alfworld.protocols.command import read
from envs.tokenizer import build_tokenizer, respell
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


def test_markers_have_a_second_spelling_of_the_same_text(tokenizer):
    text = "<think> so 1 + 1 of 1 = 2 ; </think> the answer is \\boxed{2}"
    both = ("<think>", "</think>")
    tokens = tokenizer.tokenize(respell(text, both))
    assert tokens[:3] == ["<th", "ink", ">"]
    assert tokens[12:15] == ["</th", "ink", ">"]
    assert tokenizer.decode(tokenizer.convert_tokens_to_ids(tokens)) == text
    assert respell(respell(text, both), both) == respell(text, both)
    assert tokenizer.tokenize(respell(text, ["<think>"])) == [*tokens[:12], "</", "think", *tokens[14:]]


def test_another_end_token_changes_no_id(tokenizer):
    other = build_tokenizer(end="<|endoftext|>")
    assert other.get_vocab() == tokenizer.get_vocab()
    assert (other.eos_token, tokenizer.eos_token) == ("<|endoftext|>", "<|im_end|>")
    assert models.prompt_ids(other, "x = 4") == models.prompt_ids(tokenizer, "x = 4")
    ids = other("6 <|im_end|> <|endoftext|>")["input_ids"]
    assert (
        other.decode(ids, skip_special_tokens=True) == tokenizer.decode(ids, skip_special_tokens=True) == "6"
    )


def test_vocabulary_has_exactly_256_ids(tokenizer):
    assert len(tokenizer) == 256
    assert sorted(tokenizer.get_vocab().values()) == list(range(256))
    assert len(build_tokenizer(size=300)) == 300
    with pytest.raises(ValueError, match=r"100 ids are too few for \d+ words"):
        build_tokenizer(size=100)


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


def test_words_of_arithmetic_keep_their_ids(tokenizer):
    """Models of arithmetic do not depend on what games need."""
    ids = {"<|endoftext|>": 0, "<|im_end|>": 2, "0": 4, "19": 23, "a": 24, "x": 47, "wait": 54, "right": 71}
    ids |= {"assistant": 73, "}": 79}
    assert tokenizer.convert_tokens_to_ids(list(ids)) == list(ids.values())
    assert "alarmclock" in vocabulary.words()
    assert tokenizer.convert_tokens_to_ids(["<th", "</th", "ink"]) == [207, 208, 209]  # after all other words
    assert tokenizer.convert_tokens_to_ids("alarmclock") == 80  # `a` comes before it, and is a label too


@pytest.mark.parametrize("size", ["tiny", "small", "full"])
def test_goals_and_commands_of_games_have_no_unknown_word(tokenizer, size):
    for seed, split in enumerate(SPLITS):
        for game in generate(size, 20, seed, split):
            assert survives(tokenizer, game.goal)
            assert all(survives(tokenizer, command) for command in game.witness)


def test_every_verb_can_be_said(tokenizer):
    """Those that no expert uses, too: a command that failed is shown as it was."""
    commands = [f"{verb} desk 1" for verb in ("go to", "open", "close", "use", "examine")]
    commands += [f"{verb} mug 2 with desk 1" for verb in ("heat", "cool", "clean", "slice")]
    commands += ["take mug 2 from desk 1", "move mug 2 to desk 1", "look", "inventory", "help"]
    assert all(read(command) and survives(tokenizer, command) for command in commands)


def test_a_line_break_separates_words(tokenizer):
    assert tokenizer("put\nleft: desk 1")["input_ids"] == tokenizer("put left: desk 1")["input_ids"]


def test_what_comes_back_of_any_text_are_its_known_words(tokenizer):
    text = "<th ink > put  zebra\nleft: desk 1 "
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == "<think> put <|unknown|> left: desk 1"


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
def test_expert_play_with_slips_has_no_unknown_word(tokenizer, split):
    games = make_panel("games", generate("tiny", 20, 7, split))
    for turn in demonstrate(games, Compact(), 0.3, 0, 30, 1):
        assert tokenizer.unk_token_id not in tokenizer(turn.prompt)["input_ids"]
        assert survives(tokenizer, turn.command)


def survives(tokenizer, text: str) -> bool:
    """Whether the text comes back from its ids, with none unknown."""
    ids = tokenizer(text)["input_ids"]
    return tokenizer.unk_token_id not in ids and tokenizer.decode(ids) == text
