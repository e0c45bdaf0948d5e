"""Where games come from: a path that the user names, $ALFWORLD_DATA, or the generator if it is asked for.

Never one in place of another: what is missing is an error that says what to do.
"""

import os
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from envs.alfworld.game import SPLITS, Game
from envs.alfworld.generator import generate
from envs.alfworld.generator.scene import SIZES
from envs.alfworld.rows import read_rows
from envs.alfworld.tree import VERSION, read_tree
from programs.errors import UserError

GENERATED = "generated"

_HELP = """ALFWorld's games were not found: {problem}
Get them once (2 GB):      pip install alfworld==0.4.2 && ALFWORLD_DATA={folder} alfworld-download
From compact rows:         name the file or its folder as the source, or unpack it for alfworld itself with
                           python -m envs.alfworld.convert ROWS.jsonl.xz {folder}
Only trying things out?    name {generated}:small:10:0 (size, games per task type, seed) as the source"""


class Generated(NamedTuple):
    """What the generator is asked for: games of a size, of each task type so many, by a seed."""

    size: str
    per_type: int
    seed: int


def load_games(source: str | Path | None, split: str) -> list[Game]:
    """The games of a split ("train", "valid_seen", "valid_unseen"), sorted by id.

    `source`: a tree (the folder that $ALFWORLD_DATA names), a file of compact rows or a folder of such files,
    "generated:SIZE:PER_TYPE:SEED", or None for $ALFWORLD_DATA. FileNotFoundError says how to get games if
    there are none; UserError says what is no source or split, which file or line is not a game, or which id
    occurs twice.
    """
    if split not in SPLITS:
        raise UserError(f"unknown split {split!r}; known: {', '.join(SPLITS)}")
    if made := generated(source):
        return sorted(generate(*made, split), key=lambda game: game.id)
    path, name = _located(source)
    games = sorted((game for game in _read(path, split) if game.split == split), key=lambda game: game.id)
    if not games:
        raise FileNotFoundError(_advice(f"{name} has no games of {split}", path))
    _check_ids(games)
    return games


def generated(source: str | Path | None) -> Generated | None:
    """What a source asks of the generator; None of a source that does not.

    UserError where the text is neither such a source nor, having a colon, the path of something.
    """
    if not isinstance(source, str) or ":" not in source or Path(source).expanduser().exists():
        return None
    found = re.fullmatch(rf"{GENERATED}:({'|'.join(SIZES)}):([1-9]\d*):(-?\d+)", source)
    if found is None:
        raise UserError(
            f"{source!r} is neither there nor {GENERATED}:SIZE:PER_TYPE:SEED; write one or more games per "
            f"type and a size of {', '.join(SIZES)}, such as {GENERATED}:small:10:0"
        )
    size, per_type, seed = found.groups()
    return Generated(size, int(per_type), int(seed))


def pool(source: str | None) -> set[object]:
    """What the games of a source are drawn from: two sources share games of a split where their pools meet.

    The generator draws each game from size, seed and its number among those of its type, so fewer of them are
    among more. Elsewhere a folder shares its files, by whatever path each is named.
    """
    if made := generated(source):
        return {(made.size, made.seed)}
    named = _named(source)
    if not named:
        return {None}
    path = Path(named).expanduser().resolve()
    return {path, *(file.resolve() for file in path.glob("*.jsonl*"))}


def _named(source: str | Path | None) -> str | Path | None:
    return source if source is not None else os.environ.get("ALFWORLD_DATA")


def _located(source: str | Path | None) -> tuple[Path, str]:
    """The path to read, and what to call it."""
    named = _named(source)
    if not named:
        raise FileNotFoundError(_advice("no source is named and $ALFWORLD_DATA is not set", Path("DIR")))
    path = Path(named).expanduser()
    name = str(path) if source is not None else f"$ALFWORLD_DATA ({path})"
    if not path.exists():
        raise FileNotFoundError(_advice(f"{name} does not exist", path))
    return path, name


def _read(path: Path, split: str) -> Iterable[Game]:
    if path.is_file():
        return read_rows(path)
    if (path / VERSION).is_dir():
        return read_tree(path, split)
    return (game for file in sorted(path.glob("*.jsonl*")) for game in read_rows(file))


def _check_ids(games: list[Game]) -> None:
    for first, second in pairwise(games):
        if first.id == second.id:
            raise UserError(f"two games are called {first.id}")


def _advice(problem: str, path: Path) -> str:
    folder = path if path.suffix not in (".xz", ".jsonl") else path.parent
    return _HELP.format(problem=problem, folder=folder, generated=GENERATED)
