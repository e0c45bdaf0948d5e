"""The notes of the compact form, on texts of the standard grammar and of a terser one."""

import random

import pytest

from envs.alfworld import rules, terse
from envs.alfworld.game import Game
from envs.alfworld.generator import generate
from envs.alfworld.protocols import Compact, Exchange, History
from envs.alfworld.protocols.notes import take_notes
from envs.alfworld.vector import AlfWorld

STANDARD = [
    ("", "You are in the middle of a room. Looking quickly around you, you see a fridge 1, a microwave 1, "
     "a shelf 2, and a shelf 1.\n\nYour task is to: put a hot mug in shelf."),
    ("go to fridge 1", "You arrive at fridge 1. The fridge 1 is closed."),
    ("open fridge 1", "You open the fridge 1. The fridge 1 is open. In it, you see a egg 1, and a mug 2."),
    ("take mug 2 from fridge 1", "You pick up the mug 2 from the fridge 1."),
    ("close fridge 1", "You close the fridge 1."),
    ("go to shelf 3", "Nothing happens."),
    ("go to shelf 1", "You arrive at shelf 1. On the shelf 1, you see a mug 1."),
    ("go to microwave 1", "You arrive at microwave 1. The microwave 1 is closed."),
    ("heat mug 2 with microwave 1", "You heat the mug 2 using the microwave 1."),
    ("go to shelf 2", "You arrive at shelf 2. On the shelf 2, you see nothing."),
    ("move mug 2 to shelf 2", "You move the mug 2 to the shelf 2."),
]  # fmt: skip
TERSE = [
    ("", "room: fridge 1, microwave 1, shelf 2, shelf 1.\nYour task is to: put a hot mug in shelf."),
    ("go to fridge 1", "fridge 1 closed."),
    ("open fridge 1", "fridge 1: egg 1, mug 2."),
    ("take mug 2 from fridge 1", "mug 2 taken."),
    ("close fridge 1", "closed."),
    ("go to shelf 3", "Nothing happens."),
    ("go to shelf 1", "shelf 1: mug 1."),
    ("go to microwave 1", "microwave 1 closed."),
    ("heat mug 2 with microwave 1", "mug 2 hot."),
    ("go to shelf 2", "shelf 2: nothing."),
    ("move mug 2 to shelf 2", "mug 2 moved."),
]


def history(texts, turns: int) -> History:
    """The first turns of an episode."""
    return History(
        "pick_heat_then_place_in_recep",
        texts[0][1],
        (),
        tuple(Exchange(command, observation) for command, observation in texts[1 : turns + 1]),
    )


@pytest.fixture(params=[STANDARD, TERSE], ids=["standard", "terse"])
def texts(request):
    return request.param


def test_start(texts):
    notes = take_notes(history(texts, 0))
    assert notes.goal == "put a hot mug in shelf"
    assert notes.places == ("fridge 1", "microwave 1", "shelf 2", "shelf 1")
    assert (notes.at, notes.held, notes.contents) == ("", "", {})


def test_a_closed_place_is_not_known_until_it_is_opened(texts):
    notes = take_notes(history(texts, 1))
    assert (notes.at, notes.closed, notes.contents) == ("fridge 1", True, {})
    notes = take_notes(history(texts, 2))
    assert (notes.closed, notes.contents) == (False, {"fridge 1": ("egg 1", "mug 2")})


def test_what_is_taken_is_held_and_gone_from_its_place(texts):
    notes = take_notes(history(texts, 4))
    assert (notes.held, notes.contents, notes.closed) == ("mug 2", {"fridge 1": ("egg 1",)}, True)


def test_what_is_reached_is_here_and_open(texts):
    """In full rooms pieces share a place: a thing can be taken from one while another stays closed."""
    facing = history(texts, 1)  # the fridge, closed
    took = facing.then("take mug 1 from shelf 1", texts[3][1].replace("fridge", "shelf"), ())
    notes = take_notes(took)
    assert (notes.at, notes.closed, notes.held) == ("shelf 1", False, "mug 1")
    closed = took.then("go to microwave 1", texts[7][1], ())
    moved = closed.then("move mug 1 to shelf 2", texts[10][1], ())
    notes = take_notes(moved)
    assert (notes.at, notes.closed, notes.held) == ("shelf 2", False, "")
    assert notes.contents == {"shelf 1": (), "shelf 2": ("mug 1",)}
    assert "here: mug 1 useful" in Compact().prompt(moved).splitlines()


def test_things_in_a_place_that_was_closed_again_are_elsewhere(texts):
    seen = history(texts, 2).then("close fridge 1", texts[4][1], ())
    lines = Compact().prompt(seen).splitlines()
    assert "known: mug 2 fridge 1" in lines
    assert "here: closed" in lines


@pytest.mark.parametrize(
    ("treatments", "states"),
    [
        (["heat"], ("hot",)),
        (["clean", "heat"], ("clean", "hot")),
        (["heat", "clean"], ("hot", "clean")),
        (["heat", "cool"], ("cool",)),
        (["cool", "clean", "heat"], ("clean", "hot")),
        (["heat", "heat"], ("hot",)),
    ],
)
def test_what_is_clean_stays_so_and_what_is_hot_is_not_cool(texts, treatments, states):
    told = history(texts, 3)
    for verb in treatments:
        told = told.then(f"{verb} mug 2 with microwave 1", "mug 2 done.", ())
    assert take_notes(told).treated == {"mug 2": states}
    assert f"hold: mug 2 {' '.join(states)}" in Compact().prompt(told).splitlines()
    placed = told.then("move mug 2 to shelf 2", "mug 2 moved.", ())
    assert ("done: " in Compact().prompt(placed)) == ("hot" in states)


def test_a_command_without_effect_changes_only_what_failed(texts):
    before, after = (take_notes(history(texts, turns)) for turns in (4, 5))
    assert after.failed == "go to shelf 3"
    assert (after.at, after.held, after.contents) == (before.at, before.held, before.contents)
    assert take_notes(history(texts, 6)).failed == ""


def test_prompt_of_the_last_turn_but_one(texts):
    """A mug that is not hot is not done, though it is where the goal wants one."""
    assert Compact().prompt(history(texts, 9)).splitlines() == [
        "goal: put a hot mug in shelf",
        "left: microwave 1",
        "use: microwave 1 shelf 1",
        "known: mug 1 shelf 1",
        "hold: mug 2 hot",
        "here: useful",
        "at: shelf 2",
    ]


def test_prompt_of_the_last_turn(texts):
    assert Compact().prompt(history(texts, 10)).splitlines()[3:] == [
        "done: mug 2 hot shelf 2",
        "known: mug 1 shelf 1",
        "here: useful",
        "at: shelf 2",
    ]


def test_things_of_the_goal_are_here_then_elsewhere(texts):
    before, after = (Compact().prompt(history(texts, turns)).splitlines() for turns in (2, 6))
    assert before[3:] == ["here: mug 2", "at: fridge 1"]
    assert after[3:] == ["hold: mug 2", "here: mug 1 useful", "at: shelf 1"]
    put_back = history(texts, 3).then("move mug 2 to fridge 1", "mug 2 moved.", ())
    elsewhere = put_back.then("go to shelf 2", "shelf 2: nothing.", ())
    assert Compact().prompt(elsewhere).splitlines()[3:] == [
        "known: mug 2 fridge 1",
        "here: useful",
        "at: shelf 2",
    ]


def test_a_closed_place_shows_nothing_and_is_not_left(texts):
    """It need not be gone to: the player is there."""
    lines = Compact().prompt(history(texts, 1)).splitlines()
    assert lines[1:] == [
        "left: microwave 1 shelf 2 shelf 1",
        "use: microwave 1 shelf 2 shelf 1",
        "here: closed",
        "at: fridge 1",
    ]
    closed_again = Compact().prompt(history(texts, 4)).splitlines()
    assert closed_again[3:] == ["hold: mug 2", "here: closed", "at: fridge 1"]


@pytest.mark.parametrize(
    ("goal", "done"),
    [
        ("put a hot mug in shelf", ["mug 2 hot shelf 2"]),
        ("heat some mug and put it in shelf", ["mug 2 hot shelf 2"]),
        ("put a cool mug in shelf", []),
        ("put some mug on shelf", ["mug 1 shelf 1", "mug 2 hot shelf 2"]),
        ("find two mug and put them in shelf", ["mug 1 shelf 1", "mug 2 hot shelf 2"]),
        ("look at mug under the desklamp", []),
        ("put a hot mug in fridge", []),
    ],
)
def test_done_is_what_the_goal_asks_for(texts, goal, done):
    other = [(command, text.replace("put a hot mug in shelf", goal)) for command, text in texts]
    prompt = Compact().prompt(history(other, 10))
    assert [line for line in prompt.splitlines() if line.startswith("done: ")] == (
        [f"done: {' '.join(done)}"] if done else []
    )


def test_failed_line_keeps_to_the_vocabulary(texts):
    prompt = Compact().prompt(history(texts, 5))
    assert "failed: go to shelf 3" in prompt.splitlines()
    babbled = history(texts, 5).then("zzz " * 500, "Nothing happens.", ())
    assert "failed: nothing" in Compact().prompt(babbled).splitlines()


def test_prompts_do_not_depend_on_the_grammar():
    """On the real engine, all six task types: the same commands give the same prompts in both grammars."""
    with (
        AlfWorld(1, 1, 100, grammar=rules.grammar) as standard,
        AlfWorld(1, 1, 100, grammar=terse.grammar) as short,
    ):
        for game in generate("tiny", 1, 0, "train"):
            commands = [*wander(standard, game, 20), *game.witness[:-1], "look", "inventory", "open bed 77"]
            long, brief = (play(world, game, commands) for world in (standard, short))
            assert [Compact().prompt(each) for each in long] == [Compact().prompt(each) for each in brief]
            assert all(a.observation != b.observation for a, b in zip(long[:2], brief[:2], strict=True))
            assert long[-1].admissible == brief[-1].admissible
            assert "\nfailed: open bed 77\n" in Compact().prompt(long[-1])


def wander(world: AlfWorld, game: Game, steps: int) -> list[str]:
    """Admissible commands drawn at random; never `take`, so that the witness plan still works."""
    draw, turn, commands = random.Random(game.id), world.reset({0: game})[0], []
    for _ in range(steps):
        commands.append(draw.choice([each for each in turn.admissible if not each.startswith("take")]))
        turn = world.step({0: commands[-1]})[0]
    return commands


def play(world: AlfWorld, game: Game, commands: list[str]) -> list[History]:
    """The history before each command and after the last."""
    turn = world.reset({0: game})[0]
    histories = [History(game.task_type, turn.observation, turn.admissible)]
    for command in commands:
        turn = world.step({0: command})[0]
        histories.append(histories[-1].then(command, turn.observation, turn.admissible))
    return histories
