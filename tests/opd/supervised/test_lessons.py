"""Lessons: batches of demonstrations, and accuracy on development problems and games."""

from itertools import islice
from pathlib import Path

import pytest
from pydantic import ValidationError

from envs.alfworld.demonstrations import Demonstration, demonstrate, write_demonstrations
from envs.alfworld.generator import generate
from envs.alfworld.panel import make_panel, write_panel
from envs.alfworld.play import Move
from envs.alfworld.protocols import Compact
from envs.chain_arithmetic import ChainArithmetic
from opd import models
from opd.spec import CurriculumSpec, GameLessonSpec
from opd.supervised import lessons
from opd.supervised.lessons import GameLesson
from programs.errors import UserError

SAMPLING = {"temperature": 1.0, "top_p": 1.0, "max_new_tokens": 8}
ARITHMETIC = {
    "style": "teacher",
    "stop_at_accuracy": None,
    "accept_accuracy": (0.0, 1.0),
    "max_new_tokens": 8,
    "development_problems": 4,
}


@pytest.fixture(scope="module")
def shown() -> list[Demonstration]:
    return demonstrate(make_panel("three", generate("tiny", 1, 3, "train")[:3]), Compact(), 0.2, 0, 30, 1)


@pytest.fixture
def games(tmp_path, shown) -> GameLessonSpec:
    statement = {"demonstrations": len(shown), "protocol": Compact().model_dump()}
    write_demonstrations(tmp_path / "shown.jsonl", shown, statement)
    write_panel(tmp_path / "panel.jsonl", make_panel("two", generate("tiny", 1, 4, "valid_seen")[:2]))
    return GameLessonSpec(
        demonstrations=str(tmp_path / "shown.jsonl"),
        panel=str(tmp_path / "panel.jsonl"),
        stop_at_accuracy=None,
        accept_accuracy=(0.0, 1.0),
        sampling=SAMPLING,
        max_steps=3,
    )


def test_arithmetic_batches_are_of_one_length_and_fill_the_tokens(tokenizer):
    (lesson,) = lessons.load(CurriculumSpec(chain_arithmetic=ARITHMETIC), tokenizer, 0).values()
    sizes = set()
    for _ in range(150):
        batch = lesson.batch(1.0, 2400)
        (operations,) = {tokenizer.decode(prompt).count(";") for prompt, _ in batch}
        assert len(batch) == 2400 // (15 + 16 * operations)
        sizes.add(operations)
    assert sizes == {1, 2, 3, 4, 5, 6}


def test_arithmetic_pairs_are_the_environments_demonstrations_in_order(tokenizer):
    (lesson,) = lessons.load(CurriculumSpec(chain_arithmetic=ARITHMETIC), tokenizer, 5).values()
    streams = {n: ChainArithmetic().demonstrations("teacher", n, 5) for n in range(1, 7)}
    for _ in range(10):
        batch = lesson.batch(0.0, 300)
        stream = streams[tokenizer.decode(batch[0][0]).count(";")]
        for (prompt, response), (problem, text) in zip(batch, islice(stream, len(batch)), strict=True):
            assert prompt == models.prompt_ids(tokenizer, problem.question)
            assert response == [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]


def test_shares_of_the_demonstrations_have_prompts_and_their_styles(tokenizer):
    hint = {"prompt": "hint {answer} ; {question}", "style": "teacher", "stops_early": True, "share": 0.3}
    concise = {"prompt": "concise ; {question}", "style": "concise", "share": 0.2}
    spec = CurriculumSpec(chain_arithmetic={**ARITHMETIC, "instructions": [hint, concise]})
    (lesson,) = lessons.load(spec, tokenizer, 5).values()
    shown = [pair for _ in range(30) for pair in lesson.batch(1.0, 2400)]
    decoded = [(tokenizer.decode(prompt), tokenizer.decode(response)) for prompt, response in shown]
    texts = [(prompt.split()[2:-3], response) for prompt, response in decoded]
    for start, share in (("hint", 0.3), ("concise", 0.2), ("x", 0.5)):
        found = sum(prompt[0] == start for prompt, _ in texts) / len(texts)
        assert found == pytest.approx(share, abs=4 * 0.5 / len(texts) ** 0.5)
    for prompt, response in texts:
        steps = prompt.count(";") - (prompt[0] != "x")
        assert prompt[0] != "concise" or " of " not in response
        assert prompt[0] != "x" or response.count(" of ") >= steps
        assert prompt[0] != "hint" or f"\\boxed{{{prompt[1]}}}" in response
    assert any(" of " not in response for prompt, response in texts if prompt[0] == "hint")


def test_no_demonstration_is_shown_with_and_without_a_prompt(tokenizer):
    told = {"prompt": "values {solution} ; {question}", "style": "teacher", "share": 0.5}
    spec = CurriculumSpec(chain_arithmetic={**ARITHMETIC, "instructions": [told]})
    (lesson,) = lessons.load(spec, tokenizer, 5).values()
    shown = [tokenizer.decode(prompt) for _ in range(30) for prompt, _ in lesson.batch(1.0, 2400)]
    questions = {
        kind: [text[text.index("x =") :] for text in shown if ("values" in text) == kind] for kind in (0, 1)
    }
    assert min(map(len, questions.values())) > 300
    # Short chains are few, and drawn again by chance.
    assert len(set(questions[0]) & set(questions[1])) < 0.1 * len(questions[0])


def test_unknown_words_of_a_prompt_are_refused(tokenizer):
    zebra = {"prompt": "zebra ; {question}", "style": "teacher", "share": 0.5}
    spec = CurriculumSpec(chain_arithmetic={**ARITHMETIC, "instructions": [zebra]})
    with pytest.raises(UserError, match="does not know 'zebra' of the prompt"):
        lessons.load(spec, tokenizer, 0)


def test_a_prompt_has_one_kind_of_demonstrations():
    concise = {"prompt": "concise ; {question}", "style": "concise", "share": 0.2}
    with pytest.raises(ValidationError, match=r"concise ; \{question\} stands twice"):
        CurriculumSpec(chain_arithmetic={**ARITHMETIC, "instructions": [concise, concise]})


def test_shares_of_prompts_leave_room_for_the_question_alone():
    concise = {"prompt": "concise ; {question}", "style": "concise", "share": 0.6}
    hint = {"prompt": "hint {answer} ; {question}", "style": "teacher", "share": 0.6}
    with pytest.raises(ValidationError, match=r"add up to 1\.2; write 1 or less"):
        CurriculumSpec(chain_arithmetic={**ARITHMETIC, "instructions": [concise, hint]})


def test_a_share_of_the_demonstrations_is_respelled(tokenizer):
    def shown(share):
        spec = CurriculumSpec(chain_arithmetic={**ARITHMETIC, "respelled": share})
        (lesson,) = lessons.load(spec, tokenizer, 5).values()
        return [response for _ in range(20) for _, response in lesson.batch(1.0, 2400)]

    plain, half, whole = (shown(share) for share in (0.0, 0.5, 1.0))
    other = tokenizer.convert_tokens_to_ids(["<th", "ink", ">"])
    share = sum(response[:3] == other for response in half) / len(half)
    assert share == pytest.approx(0.5, abs=4 * 0.5 / len(half) ** 0.5)
    assert all(mixed in pair for mixed, *pair in zip(half, plain, whole, strict=True))
    assert all(response[:3] == other for response in whole)
    assert [tokenizer.decode(response) for response in whole] == [tokenizer.decode(r) for r in plain]


def test_game_batches_are_turns_of_similar_length(tokenizer, games, shown):
    lesson = GameLesson(games, tokenizer, 0)
    known = {
        (tuple(models.prompt_ids(tokenizer, turn.prompt)), tuple(tokenizer(turn.command)["input_ids"]))
        for turn in shown
    }
    batches = [lesson.batch(0.0, 400) for _ in range(16)]
    pairs = [pair for batch in batches for pair in batch]
    assert {(tuple(prompt), tuple(response[:-1])) for prompt, response in pairs} == known
    assert {response[-1] for _, response in pairs} == {tokenizer.eos_token_id}
    spread = [max(map(total, batch)) - min(map(total, batch)) for batch in batches]
    assert sum(spread) / len(spread) < 0.5 * (max(map(total, pairs)) - min(map(total, pairs)))
    mean = sum(map(total, pairs)) / len(pairs)
    assert len(batches[0]) * mean == pytest.approx(400, rel=0.2)


def test_game_batches_depend_on_the_seed_alone(tokenizer, games):
    first, again, other = (GameLesson(games, tokenizer, seed).batch(0.0, 400) for seed in (0, 0, 1))
    assert first == again != other


def test_unknown_words_are_refused(tokenizer, games, shown):
    strange = [*shown, Demonstration("game", "type", "goal: put a zebra in safe", "look")]
    statement = {"demonstrations": len(strange), "protocol": Compact().model_dump()}
    path = games.demonstrations
    write_demonstrations(Path(path), strange, statement)
    with pytest.raises(ValueError, match="words that the tokenizer does not know"):
        GameLesson(games, tokenizer, 0)


def test_accuracy_is_the_share_of_games_won(tokenizer, games, student, monkeypatch):
    """The player is replaced by the witness plan of one game; the engine is real."""
    lesson = GameLesson(games.model_copy(update={"max_steps": 30}), tokenizer, 0)
    winner = lesson._panel.games[0]

    class Witness:
        def __init__(self, *_):
            pass

        def act(self, situations):
            return [self._move(each) for each in situations]

        def _move(self, situation):
            turn = len(situation.history.exchanges)
            known = situation.episode.game == winner and turn < len(winner.witness)
            command = winner.witness[turn] if known else "look"
            return Move(Compact().parse(command), command)

    monkeypatch.setattr(lessons, "ModelPlayer", Witness)
    assert lesson.accuracy(student) == 0.5


def test_an_untrained_model_plays_and_loses(tokenizer, games, student):
    assert GameLesson(games, tokenizer, 0).accuracy(student) == 0.0


def total(pair: tuple[list[int], list[int]]) -> int:
    return len(pair[0]) + len(pair[1])
