"""The expert on histories written by hand: it reads text and admissible commands only."""

from envs.alfworld.policies.expert import expert
from tests.envs.alfworld.policies.histories import history


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


def test_the_expert_puts_down_what_it_has_no_use_for():
    told = history(
        "put a hot mug in desk",
        ["microwave 1", "shelf 1", "desk 1"],
        ("go to shelf 1", "shelf 1: vase 1."),
        ("take vase 1 from shelf 1", "took vase 1."),
        admissible=["go to microwave 1", "move vase 1 to shelf 1", "go to desk 1"],
    )
    assert expert(told) == "move vase 1 to shelf 1"
    closed = told.then("go to microwave 1", "microwave 1 closed.", ("go to desk 1", "open microwave 1"))
    assert expert(closed) == "open microwave 1"


def test_the_expert_opens_what_it_stands_at_though_it_is_unlikely():
    """Of the pieces within reach those that may hold the thing, and the one it came for."""
    told = history(
        "put a tomato in diningtable",
        ["drawer 1", "safe 1", "fridge 1", "diningtable 1"],
        ("go to safe 1", "safe 1 closed."),
        admissible=["open drawer 1", "go to fridge 1", "open safe 1"],
    )
    assert expert(told) == "open safe 1"


def test_the_expert_prefers_a_destination_that_it_has_seen_open():
    told = history(
        "put a mug in cabinet",
        ["cabinet 1", "cabinet 2", "desk 1"],
        ("go to cabinet 2", "cabinet 2: nothing."),
        ("take mug 1 from desk 1", "took mug 1."),
        admissible=["go to cabinet 1", "go to cabinet 2"],
    )
    assert expert(told) == "go to cabinet 2"


def test_the_expert_searches_the_destination_last():
    told = history("put a tomato in countertop", ["countertop 1", "garbagecan 1"])
    assert expert(told) == "go to garbagecan 1"


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
