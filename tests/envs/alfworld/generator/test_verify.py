"""Generated games in the real engine: witnesses win, the expert wins, a random policy does not."""

from dataclasses import replace

import pytest

from envs.alfworld import terse
from envs.alfworld.game import TASK_TYPES
from envs.alfworld.generator import generate, verify
from envs.alfworld.play import Episode
from envs.alfworld.play import play as played_games
from envs.alfworld.policies import POLICIES
from envs.alfworld.policies.player import PolicyPlayer
from envs.alfworld.sources import load_games
from envs.alfworld.vector import AlfWorld

SLOTS = 6
GAMES = generate("tiny", 2, 0, "train")[:6] + generate("tiny", 2, 0, "valid_unseen")[6:]  # two per task type


@pytest.fixture(scope="module", params=["standard", "terse"])
def world(request):
    wording = {"terse": {"grammar": terse.grammar}}.get(request.param, {})
    with AlfWorld(SLOTS, 2, max_steps=30, **wording) as world:
        yield world


def play(world, games, name):
    """The last turn of each game."""
    asked = [Episode("panel", game, 0, "run") for game in games]
    ended = {
        each.situation.episode.game.id: each.situation.turn
        for each in played_games(world, SLOTS, asked, PolicyPlayer(POLICIES[name]))
    }
    assert not any(turn.error for turn in ended.values())
    return [ended[game.id] for game in games]


def play_all(world, name):
    return [
        turn
        for first in range(0, len(GAMES), SLOTS)
        for turn in play(world, GAMES[first : first + SLOTS], name)
    ]


def test_witnesses_win_with_their_last_command(world):
    turns = play_all(world, "walkthrough")
    assert [turn.won for turn in turns] == [True] * 12
    assert [turn.step for turn in turns] == [len(game.witness) for game in GAMES]


def test_the_expert_wins(world):
    assert sum(turn.won for turn in play_all(world, "expert")) >= 11


def test_a_random_policy_does_not_win(world):
    assert sum(turn.won for turn in play_all(world, "random")) <= 1


def test_a_game_that_its_witness_does_not_win_is_named(world):
    spoilt = replace(GAMES[1], witness=GAMES[1].witness[:-1])
    with pytest.raises(
        ValueError, match=f"(?s)^games[^:]*:\n{spoilt.id}: after {len(spoilt.witness)} commands[^\n]*$"
    ):
        verify([GAMES[0], spoilt], world, SLOTS)


@pytest.mark.slow
@pytest.mark.parametrize("split", ["valid_seen", "valid_unseen"])
def test_the_expert_wins_official_games(split):
    try:
        games = load_games(None, split)
    except FileNotFoundError as error:
        pytest.skip(f"no official games: {str(error).splitlines()[0]}")
    some = [next(game for game in games if game.task_type == task_type) for task_type in TASK_TYPES]
    with AlfWorld(SLOTS, 2, max_steps=50) as world:
        assert [turn.won for turn in play(world, some, "expert")] == [True] * 6
