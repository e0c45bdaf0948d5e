"""The policies on histories written by hand: each reads text and admissible commands only."""

import pytest

from envs.alfworld.game import Game, Parameters
from envs.alfworld.policies import NAMES, policy
from programs.errors import UserError
from tests.envs.alfworld.policies.histories import history

GAME = Game("g", "train", "pick_and_place_simple", "put a mug in desk", "", Parameters("Mug", "Desk"))
SOLVED = Game(
    "g", "train", "pick_and_place_simple", "", "", Parameters("Mug"), witness=("go to desk 1", "look")
)


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
