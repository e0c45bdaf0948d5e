"""The policies on histories written by hand: each reads text and admissible commands only."""

import pytest

from envs.alfworld.game import Game, Parameters
from envs.alfworld.policies import NAMES, policy
from envs.alfworld.policies.task import Task, read_task
from envs.alfworld.protocols import History
from programs.errors import UserError

GAME = Game("g", "train", "pick_and_place_simple", "put a mug in desk", "", Parameters("Mug", "Desk"))
SOLVED = Game(
    "g", "train", "pick_and_place_simple", "", "", Parameters("Mug"), witness=("go to desk 1", "look")
)


def history(task, places, *exchanges, admissible=()):
    opening = f"room: {', '.join(places)}.\nYour task is to: {task}."
    told = History("", opening, tuple(f"go to {place}" for place in places))
    for command, observation in exchanges:
        told = told.then(command, observation, tuple(admissible))
    return told


def expert(told):
    return policy("expert", GAME, 0).act(told)


@pytest.mark.parametrize(
    ("sentence", "task"),
    [
        ("put a mug in desk", Task("put", "mug", "desk")),
        ("put some mug on desk.", Task("put", "mug", "desk")),
        ("put a clean mug in shelf", Task("clean", "mug", "shelf")),
        ("clean some mug and put it in shelf", Task("clean", "mug", "shelf")),
        ("put a hot mug in shelf", Task("heat", "mug", "shelf")),
        ("heat some mug and put it in shelf", Task("heat", "mug", "shelf")),
        ("put a cool mug in shelf", Task("cool", "mug", "shelf")),
        ("cool some mug and put it in shelf", Task("cool", "mug", "shelf")),
        ("put two mug in shelf", Task("two", "mug", "shelf")),
        ("find two mug and put them in shelf", Task("two", "mug", "shelf")),
        ("look at mug under the desklamp", Task("look", "mug", "desklamp")),
        ("examine the mug with the desklamp", Task("look", "mug", "desklamp")),
    ],
)
def test_every_goal_template_is_read(sentence, task):
    assert read_task(sentence) == task


@pytest.mark.parametrize("sentence", ["", "put a clean mug", "slice the bread", "put a mug in desk and sit"])
def test_other_sentences_are_refused(sentence):
    with pytest.raises(UserError, match="not a goal sentence"):
        read_task(sentence)


def test_the_expert_searches_the_likeliest_place_first():
    assert (
        expert(history("put a tomato in microwave", ["drawer 1", "cabinet 1", "countertop 1"]))
        == "go to countertop 1"
    )


def test_the_expert_opens_what_it_finds_closed():
    closed = ("go to cabinet 1", "You arrive at cabinet 1. The cabinet 1 is closed.")
    told = history(
        "put a mug in desk", ["cabinet 1", "desk 1"], closed, admissible=["go to desk 1", "open cabinet 1"]
    )
    assert expert(told) == "open cabinet 1"


def test_the_expert_takes_what_it_saw_elsewhere():
    seen = ("go to shelf 1", "On the shelf 1, you see a mug 2, and a vase 1.")
    other = ("go to shelf 2", "On the shelf 2, you see nothing.")
    told = history(
        "put a mug in desk", ["shelf 1", "shelf 2", "desk 1"], seen, other, admissible=["go to shelf 1"]
    )
    assert expert(told) == "go to shelf 1"


def test_the_expert_heats_before_it_places():
    told = history(
        "put a hot mug in desk",
        ["microwave 1", "desk 1"],
        ("take mug 1 from desk 1", "took mug 1."),
        ("go to microwave 1", "microwave 1 closed."),
        admissible=["go to desk 1", "heat mug 1 with microwave 1"],
    )
    assert expert(told) == "heat mug 1 with microwave 1"
    heated = told.then("heat mug 1 with microwave 1", "heated mug 1.", ("go to desk 1", "open microwave 1"))
    assert expert(heated) == "go to desk 1"


def test_the_expert_puts_two_things_in_one_place():
    told = history(
        "put two mug in shelf",
        ["shelf 1", "shelf 2", "desk 1"],
        ("go to shelf 2", "shelf 2: mug 1."),
        ("take mug 3 from desk 1", "took mug 3."),
        admissible=["go to shelf 1", "go to shelf 2"],
    )
    assert expert(told) == "go to shelf 2"


def test_the_expert_leaves_what_lies_in_the_destination():
    told = history(
        "put two mug in shelf",
        ["shelf 1", "desk 1"],
        ("go to shelf 1", "shelf 1: mug 1."),
        admissible=["take mug 1 from shelf 1", "go to desk 1"],
    )
    assert expert(told) == "go to desk 1"


def test_the_expert_carries_the_thing_to_the_lamp():
    told = history(
        "look at cd under the desklamp",
        ["shelf 1", "desk 1"],
        ("go to desk 1", "desk 1: desklamp 1."),
        ("go to shelf 1", "shelf 1: cd 1."),
        ("take cd 1 from shelf 1", "took cd 1."),
        admissible=["go to desk 1"],
    )
    assert expert(told) == "go to desk 1"
    assert expert(told.then("go to desk 1", "desk 1: desklamp 1.", ("use desklamp 1",))) == "use desklamp 1"


def test_the_expert_looks_around_when_nothing_is_left():
    assert expert(history("put a mug in desk", [], admissible=[])) == "look"


def test_random_draws_depend_on_seed_game_and_turn_only():
    told = history("put a mug in desk", [f"shelf {number}" for number in range(1, 100)])
    draws = [policy("random", GAME, seed).act(told) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert draws[0] in told.admissible
    later = told.then(draws[0], "shelf", told.admissible)
    assert policy("random", GAME, 0).act(later) != draws[0]


def test_a_walkthrough_plays_the_witness_then_looks():
    told, player = history("put a mug in desk", ["desk 1"]), policy("walkthrough", SOLVED, 0)
    assert player.act(told) == "go to desk 1"
    assert player.act(told.then("go to desk 1", "", ()).then("look", "", ())) == "look"


def test_a_game_without_a_witness_has_no_walkthrough():
    with pytest.raises(UserError, match="g has no witness"):
        policy("walkthrough", GAME, 0)


def test_unknown_policies_are_refused():
    with pytest.raises(ValueError, match=", ".join(NAMES)):
        policy("oracle", GAME, 0)
