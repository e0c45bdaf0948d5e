"""Played panels as lines of a study's long table, beside the suites that `eval.score` grades.

A panel is a suite and a game a problem: won is correct, lost is wrong, an episode in which the engine failed
is ungraded. Columns of their own: `task_type`; `conditions`, how the games were played, in words; and counts
over a game's episodes: `turns`, `commands` (turns that are no thoughts), `invalid_format`, `inadmissible`.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.alfworld.protocols import VerlAgent
from envs.alfworld.sources import GENERATED
from eval.alfworld.columns import OWN_WORDING
from eval.alfworld.records import read_episodes
from eval.alfworld.scores import problems
from eval.alfworld.spec import PlaySpec
from eval.grading import VARIANTS
from programs.errors import UserError


def lines(panel: str, folder: Path) -> list[dict]:
    """One line per game of a folder that `eval.alfworld` wrote; UserError if it is not complete."""
    manifest, records = read_manifest(folder), read_episodes(folder)
    played, games = PlaySpec(**manifest["spec"]), problems(records)
    if len(games) != manifest["panel"]["games"] or (games.samples != played.repeats).any():
        raise UserError(f"{folder} does not hold {played.repeats} episode(s) of every game of its panel")
    tokens = mean_tokens(records)
    return [
        {
            "suite": panel,
            "protocol": game.protocol,
            "problem": game.problem,
            "samples": game.samples,
            "correct": game.won,
            "wrong": game.lost,
            "truncated": 0,
            "ungraded": game.error,
            **dict.fromkeys(VARIANTS, game.won),
            "majority": np.nan,
            "suite_version": manifest["panel"]["sha256"][:12],
            "suite_status": status(manifest["panel"], game.problem),
            "mean_tokens": tokens[game.problem],
            "task_type": game.task_type,
            "conditions": conditions(played),
            "turns": game.turns,
            "commands": game.commands,
            "invalid_format": game.invalid_format,
            "inadmissible": game.inadmissible,
        }
        for game in games.itertuples()
    ]


def refuse_unlike(subjects: Iterable[Mapping[str, str]]) -> None:
    """UserError if the subjects' folders, by panel, hold other games or were played by other rules."""
    first: dict[str, tuple[str, list]] = {}
    for episodes in subjects:
        for panel, folder in episodes.items():
            manifest = read_manifest(Path(folder))
            played = [manifest[name] for name in ("panel", "spec", "rules")]
            other, expected = first.setdefault(panel, (folder, played))
            if played != expected:
                raise UserError(
                    f"{folder} and {other} are not the same games of {panel}, played alike: compare `panel`, "
                    "`spec` and `rules` in their episodes.json, and play one of them again"
                )


def read_manifest(folder: Path) -> dict[str, Any]:
    """How the episodes of a folder were made; FileNotFoundError says what writes them."""
    path = folder / "episodes.json"
    if not path.exists():
        raise FileNotFoundError(f"{folder} holds no episodes; python -m eval.alfworld writes them")
    return json.loads(path.read_text())


def status(panel: dict[str, Any], game: str) -> str:
    """Whose games a panel holds; a choice or draw of official ones is not verified."""
    if panel["official"]:
        return "official"
    return "generated" if game.startswith(f"{GENERATED}-") else "unverified"


def mean_tokens(records: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Mean tokens per turn by game; nan for one whose every episode failed before the first turn."""
    tokens: dict[str, list[int]] = defaultdict(list)
    for record in records:
        tokens[record["problem"]] += [turn["tokens"] for turn in record["turns"]]
    return {game: float(np.mean(counts)) if counts else float("nan") for game, counts in tokens.items()}


def conditions(played: PlaySpec) -> str:
    """How the games were played, in words."""
    words = [
        f"protocol {played.protocol_name}",
        f"{played.repeats} episode(s) per game",
        f"at most {played.max_steps} steps",
        f"{played.grammar} wording",
    ]
    if isinstance(played.protocol, VerlAgent) and played.protocol.own_wording:
        words.append(OWN_WORDING)
    if played.sampling is not None:
        words.append(f"temperature {played.sampling.temperature:g}, top-p {played.sampling.top_p:g}")
        words.append(f"at most {played.sampling.max_new_tokens} tokens per turn")
    return ", ".join(words)
