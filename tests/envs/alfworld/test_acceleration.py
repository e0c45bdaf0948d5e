"""The accelerated engine says what the stock one says: every observation, command list and win."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from envs.alfworld.game import TASK_TYPES, Game
from envs.alfworld.generator.generate import generate
from envs.alfworld.process import EngineStartError
from envs.alfworld.sources import load_games
from envs.alfworld.vector import AlfWorld
from tests.envs.alfworld.playing import random_episodes, witnessed


def _hashes(games: Sequence[Game], steps: int, accelerated: bool) -> dict[str, str]:
    """A hash per game of every turn of a random episode and, where a witness is known, the turn that wins."""
    slots = range(len(games))
    with AlfWorld(len(games), 2, steps, accelerated=accelerated) as world:
        episodes = random_episodes(world, games, slots)
        last = witnessed(world, games) if games[0].witness else {}
        assert world.faults == []
    texts = {game.id: repr((episodes[game.id], last.get(game.id))) for game in games}
    return {id: hashlib.sha256(text.encode()).hexdigest() for id, text in texts.items()}


def test_generated_games_are_the_same() -> None:
    games = generate("tiny", 1, 3, "train")
    assert _hashes(games, 10, accelerated=True) == _hashes(games, 10, accelerated=False)


@pytest.mark.slow
def test_whole_generated_rooms_are_the_same() -> None:
    games = generate("full", 1, 3, "train")[:3]
    assert _hashes(games, 10, accelerated=True) == _hashes(games, 10, accelerated=False)


def test_a_wrong_acceleration_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The self-check itself: a worker whose accelerated engine drops a word must refuse."""
    (tmp_path / "sitecustomize.py").write_text(
        "import envs.alfworld.acceleration as acceleration\n"
        "switch_on = acceleration.switch_on\n"
        "def wrong():\n"
        "    switch_on()\n"
        "    acceleration.textgen.display_list = lambda symbols, context: symbols[:1]\n"
        "acceleration.switch_on = wrong\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with pytest.raises(EngineStartError, match="these versions need accelerated=False"):
        AlfWorld(1, 1, 10).start()


@pytest.mark.slow
@pytest.mark.parametrize("split", ["valid_seen", "valid_unseen"])
def test_real_games_are_the_same(split: str) -> None:
    try:
        games = load_games(None, split)
    except FileNotFoundError as error:
        pytest.skip(f"no real games: {str(error).splitlines()[0]}")
    some = [next(game for game in games if game.task_type == name) for name in TASK_TYPES]
    assert _hashes(some, 10, accelerated=True) == _hashes(some, 10, accelerated=False)
