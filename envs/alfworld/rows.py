"""Games as compact rows: one JSON object per line, in `.jsonl` or `.jsonl.xz`. All of ALFWorld fits in 7 MB.

Two forms are read: the fields of `Game`, which is what is written, and rows of ALFWorld's own files with
`task`, `trial` and `pddl_params` as they stand there; of these, unsolvable games are left out as alfworld
leaves them out.
"""

import json
import lzma
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from envs.alfworld.game import TASK_TYPES, Game, Parameters
from programs.errors import UserError


def read_rows(path: Path) -> Iterator[Game]:
    """The games of a file, in its order. UserError names the line that is not a game."""
    return games_of(path, read_text(path).splitlines(), first=1)


def games_of(path: Path, lines: Iterable[str], first: int) -> Iterator[Game]:
    """The games in a file's lines, the first of which has the number `first`. Errors as of `read_rows`."""
    for number, text in enumerate(lines, first):
        try:
            row = json.loads(text)
            if not isinstance(row, dict):
                raise TypeError("no JSON object")
            if row.get("solvable", True):
                yield from_row(row)
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}, line {number}: not a game ({error!r})") from error


def write_rows(path: Path, games: Iterable[Game]) -> None:
    """Write the games in their order; the same games give the same bytes."""
    write_text(path, "".join(line(game) + "\n" for game in games))


def read_text(path: Path) -> str:
    """A file's text, unpacked if its name ends in `.xz`. UserError if it is not such a file."""
    data = path.read_bytes()
    try:
        return (lzma.decompress(data) if path.suffix == ".xz" else data).decode()
    except (lzma.LZMAError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error}") from error


def read_stated(path: Path) -> tuple[dict[str, Any], list[str]]:
    """What a file's first line states of it, nothing if that is no JSON object; and the other lines."""
    first, *others = read_text(path).splitlines() or [""]
    try:
        stated = json.loads(first)
    except json.JSONDecodeError:
        return {}, others
    return stated if isinstance(stated, dict) else {}, others


def write_text(path: Path, text: str) -> None:
    """Write the text, packed if the name ends in `.xz`, into a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(lzma.compress(data) if path.suffix == ".xz" else data)


def line(game: Game) -> str:
    """A game as one line of JSON with sorted keys. What a panel's checksum is taken over."""
    return json.dumps(asdict(game), sort_keys=True)


def from_row(row: Mapping[str, Any]) -> Game:
    """A game from either form of row. KeyError or TypeError if it is neither, ValueError of no known type."""
    if row["task_type"] not in TASK_TYPES:
        raise ValueError(f"unknown task_type {row['task_type']!r}")
    if "pddl_problem" not in row:
        witness = row["witness"] and tuple(row["witness"])
        return Game(**{**row, "parameters": Parameters(**row["parameters"]), "witness": witness})
    return Game(
        id=f"{row['task']}/{row['trial']}",
        split=row["split"],
        task_type=row["task_type"],
        goal=row["goal"],
        problem=row["pddl_problem"],
        parameters=parameters(row["pddl_params"]),
    )


def parameters(pddl_params: Mapping[str, Any]) -> Parameters:
    """ALFRED's `pddl_params`, without what the six task types never use."""
    return Parameters(
        pddl_params["object_target"], pddl_params["parent_target"], pddl_params["toggle_target"]
    )
