"""A panel: exactly which games an evaluation plays. Sorted, in a file of its own, with a checksum.

    python -m envs.alfworld.panel --split valid_unseen --out panel.jsonl.xz [--source SOURCE] [--per-type N]
    python -m envs.alfworld.panel --split valid_seen --legacy-128 --out legacy_128.jsonl.xz

`legacy_128` is what the code of arXiv 2603.25562 evaluates on: 128 draws with replacement from the 140 seen
games, so some games count up to six times and others never. Use it only beside numbers made that way.
"""

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from envs.alfworld.game import SPLITS, TASK_TYPES, Game
from envs.alfworld.rows import games_of, line, read_stated, write_text
from envs.alfworld.sources import load_games
from programs.command_line import launch
from programs.errors import UserError

# Checksums of the splits that ALFWorld released: 3,553, 140 and 134 games.
OFFICIAL = {
    "train": "6648a13d6b7060034d61ebdc2cbc83b77b348d0e193a18a7ff1f79ef365f5efb",
    "valid_seen": "0224e41a4946ad36414dd55baad359ede972c24ed1b4ce76dd8303fbae5e6cd7",
    "valid_unseen": "3171f94802ff200dad3ba990f0c516d63022bdabd5d77d4e283d060f6d123d50",
}

_DRAWS, _FIRST_SEED = 128, 1000


@dataclass(frozen=True)
class Panel:
    """Games, sorted by id, under a name. ValueError if it is empty or an id occurs twice."""

    name: str
    games: tuple[Game, ...]

    def __post_init__(self) -> None:
        ids = [game.id for game in self.games]
        if not ids or ids != sorted(set(ids)):
            raise ValueError(f"panel {self.name}: the games must be sorted, and each must be there once")

    @cached_property
    def sha256(self) -> str:
        """The checksum of the games, whatever source they came from."""
        return checksum(self.games)

    @property
    def counts(self) -> dict[str, int]:
        """How many games of each task type."""
        return {name: sum(game.task_type == name for game in self.games) for name in TASK_TYPES}

    def statement(self) -> dict:
        """What every result on the panel states. `official`: these are the games that ALFWorld released."""
        official = self.sha256 in OFFICIAL.values()
        count = len(self.games)
        return {"panel": self.name, "games": count, "sha256": self.sha256, "official": official}


def checksum(games: Iterable[Game]) -> str:
    """sha256 of the games' lines, in the order given."""
    return hashlib.sha256("".join(line(game) + "\n" for game in games).encode()).hexdigest()


def make_panel(name: str, games: Sequence[Game], per_type: int | None = None) -> Panel:
    """All the games, or the first `per_type` of each task type by id. UserError if a type has fewer."""
    chosen = sorted(games, key=lambda game: game.id)
    if per_type is not None:
        if per_type < 1:
            raise UserError(f"per_type must be at least 1, not {per_type}")
        of_type = {kind: [game for game in chosen if game.task_type == kind] for kind in TASK_TYPES}
        if short := [kind for kind, found in of_type.items() if len(found) < per_type]:
            raise UserError(f"fewer than {per_type} games of {', '.join(short)}")
        some = [game for found in of_type.values() for game in found[:per_type]]
        chosen = sorted(some, key=lambda game: game.id)
    return Panel(name, tuple(chosen))


def legacy_128(games: Sequence[Game], seed: int = 0, validation: int = 0) -> Panel:
    """The paper's panel: 128 workers draw one game each, worker i from all games by seed `seed` + 1000 + i.

    `validation` counts the evaluations of a run from 0; each has draws of its own. The list that is drawn
    from is sorted here; in the paper's code it comes in the file system's order. A game's second draw is
    called `id#2`, and so on. UserError if one of the two numbers is less than 0.
    """
    if seed < 0 or validation < 0:
        raise UserError(f"seed and validation count from 0: {seed}, {validation}")
    ordered = sorted(games, key=lambda game: game.id)
    draws = [_nth_draw(len(ordered), seed + _FIRST_SEED + worker, validation) for worker in range(_DRAWS)]
    copies = [
        replace(ordered[index], id=ordered[index].id + (f"#{copy}" if copy > 1 else ""))
        for index, count in Counter(draws).items()
        for copy in range(1, count + 1)
    ]
    name = f"legacy_128 (seed {seed}, validation {validation})"
    return Panel(name, tuple(sorted(copies, key=lambda game: game.id)))


def drawn_id(game_id: str) -> str:
    """The game's own id: what repeated draws of `legacy_128` have in common, to cluster by."""
    return game_id.split("#")[0]


def write_panel(path: Path, panel: Panel) -> None:
    """Write a line that states the panel, then its games, one per line."""
    write_text(path, "\n".join([json.dumps(panel.statement()), *map(line, panel.games)]) + "\n")


def read_panel(path: Path) -> Panel:
    """The panel of a file. UserError if the games are not those that its first line states."""
    stated, rows = read_stated(path)
    if "panel" not in stated:
        raise UserError(f"{path} is not a panel: make one with python -m envs.alfworld.panel")
    games = tuple(games_of(path, rows, first=2))
    if checksum(games) != stated.get("sha256"):
        raise UserError(f"{path} states other games than it holds")
    try:
        return Panel(stated["panel"], games)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def _nth_draw(count: int, seed: int, n: int) -> int:
    """The n-th index out of textworld's endless cycle: shuffle, give out each once, shuffle again."""
    generator = np.random.RandomState(seed)
    order = list(range(count))
    for _ in range(1 + n // count):
        generator.shuffle(order)
    return order[n % count]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write one panel."""
    options = _parser().parse_args(arguments)
    if options.legacy_128 and (options.split, options.per_type, options.name) != ("valid_seen", None, None):
        raise UserError(
            "--legacy-128 is the draws of all of --split valid_seen, under a name of its own; "
            "leave out --per-type and --name"
        )
    if not options.legacy_128 and (options.seed, options.validation) != (None, None):
        raise UserError("--seed and --validation are of --legacy-128; a panel without it draws nothing")
    games = load_games(options.source, options.split)
    panel = (
        legacy_128(games, options.seed or 0, options.validation or 0)
        if options.legacy_128
        else make_panel(options.name or options.split, games, options.per_type)
    )
    write_panel(options.out, panel)
    print(json.dumps(panel.statement() | panel.counts))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Write a panel of games.")
    parser.add_argument("--source", help="a tree, rows or generated:SIZE:PER_TYPE:SEED; else $ALFWORLD_DATA")
    parser.add_argument("--split", choices=SPLITS, required=True)
    parser.add_argument("--name", help="default: the split")
    parser.add_argument("--per-type", type=int, help="this many games of each task type; default: all games")
    parser.add_argument("--legacy-128", action="store_true", help="the paper's 128 draws with replacement")
    parser.add_argument("--seed", type=int, help="of --legacy-128; default: 0")
    parser.add_argument("--validation", type=int, help="of --legacy-128: which evaluation of a run, from 0")
    parser.add_argument("--out", type=Path, required=True)
    return parser


if __name__ == "__main__":
    launch(main)
