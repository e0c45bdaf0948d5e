"""Played episodes as JSON records; `python -m eval.alfworld --help` explains their fields."""

import hashlib
from pathlib import Path
from typing import Any

from envs.alfworld.play import Move, Played
from envs.alfworld.protocols import Exchange
from eval.responses import read_records

EPISODES = "episodes.jsonl"


def record(played: Played) -> dict[str, Any]:
    """The episode as one JSON record."""
    episode, turn, history = played.situation.episode, played.situation.turn, played.situation.history
    turns = zip(played.moves, played.admissible, history.exchanges, strict=True)
    return {
        "suite": episode.panel,
        "problem": episode.game.id,
        "sample": episode.sample,
        "seed": episode.seed,
        "split": episode.game.split,
        "task_type": episode.game.task_type,
        "outcome": played.outcome,
        "steps": len(played.moves),
        "error": turn.error,
        "opening": history.opening,
        "turns": [_turn(*each) for each in turns],
    }


def read_episodes(folder: Path) -> list[dict[str, Any]]:
    """The records of a folder that `eval.alfworld` wrote."""
    return read_records(folder / EPISODES)


def _turn(move: Move, admissible: bool, exchange: Exchange) -> dict[str, Any]:
    prompt = hashlib.sha256(move.prompt.encode()).hexdigest() if move.prompt else None
    return {
        "prompt_sha256": prompt,
        "response": move.response,
        "tokens": len(move.response_ids),
        "cut_off": move.cut_off,
        "command": move.action.command,
        "valid_format": move.action.valid_format,
        # A thought is no attempt at a command.
        "admissible": None if move.action.thought else admissible,
        "observation": exchange.observation,
    }
