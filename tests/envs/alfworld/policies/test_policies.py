"""The policies on histories written by hand: each reads text and admissible commands only."""

import pytest

from envs.alfworld.game import Game, Parameters
from envs.alfworld.play import Episode, Situation
from envs.alfworld.policies import any_command, next_of_witness
from envs.alfworld.vector import Turn
from programs.errors import UserError
from tests.envs.alfworld.policies.histories import history

GAME = Game("g", "train", "pick_and_place_simple", "put a mug in desk", "", Parameters("Mug", "Desk"))
SOLVED = Game(
    "g", "train", "pick_and_place_simple", "", "", Parameters("Mug"), witness=("go to desk 1", "look")
)


def situation(told, game=GAME, run="run"):
    turn = Turn(told.observation, told.admissible, won=False, done=False, step=len(told.exchanges))
    return Situation(Episode("panel", game, 0, run), turn, told)


def test_random_draws_depend_on_seed_game_and_turn_only():
    told = history("put a mug in desk", [f"shelf {number}" for number in range(1, 100)])
    draws = [any_command(situation(told, run=run)) for run in ("a", "a", "b")]
    assert draws[0] == draws[1] != draws[2]
    assert draws[0] in told.admissible
    later = told.then(draws[0], "shelf", told.admissible)
    assert any_command(situation(later, run="a")) != draws[0]


def test_a_walkthrough_plays_the_witness_then_looks():
    told = history("put a mug in desk", ["desk 1"])
    assert next_of_witness(situation(told, SOLVED)) == "go to desk 1"
    ended = told.then("go to desk 1", "", ()).then("look", "", ())
    assert next_of_witness(situation(ended, SOLVED)) == "look"


def test_a_game_without_a_witness_has_no_walkthrough():
    with pytest.raises(UserError, match="g has no witness"):
        next_of_witness(situation(history("put a mug in desk", ["desk 1"])))
