"""Games as the folders that alfworld itself reads: `json_2.1.1/SPLIT/TASK/TRIAL/` with two files each.

Of a game file only the problem and the goal are read. Domain and grammar are those of the installed package,
so files of older releases play by today's rules and give today's texts.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from envs.alfworld import rules
from envs.alfworld.game import TASK_TYPES, Game
from envs.alfworld.rows import parameters
from programs.errors import UserError

VERSION = "json_2.1.1"
_TASK, _PLAYED = "traj_data.json", "game.tw-pddl"
_UNSUPPORTED = ("movable", "Sliced")
_GOAL = re.compile(r'"Your task is to: (.*)\."')


def read_tree(root: Path, split: str) -> Iterator[Game]:
    """The split's games that alfworld would play, sorted by folder. Nothing if the folder is not there.

    UserError names the folder whose files are not a game's.
    """
    folder = root / VERSION / split
    for path in sorted(folder.rglob(_TASK)):
        if (path.parent / _PLAYED).exists():
            try:
                yield from _game(path.parent, path.parent.relative_to(folder).as_posix(), split)
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(f"{path.parent}: not a game ({error!r})") from error


def write_tree(root: Path, games: Iterable[Game]) -> None:
    """Write each game into `root/json_2.1.1/SPLIT/ID`, and the rules into `root/logic`."""
    for name, text in (("alfred.pddl", rules.domain()), ("alfred.twl2", rules.grammar_template())):
        _write(root / "logic" / name, text)
    for game in games:
        folder = root / VERSION / game.split / game.id
        _write(folder / _TASK, json.dumps(_task(game)))
        _write(folder / _PLAYED, json.dumps(_played(game)))


def _game(folder: Path, id: str, split: str) -> Iterator[Game]:
    """The game in a folder, if alfworld would play it."""
    task = json.loads((folder / _TASK).read_text())
    if task["task_type"] not in TASK_TYPES or any(word in id for word in _UNSUPPORTED):
        return
    played = json.loads((folder / _PLAYED).read_text())
    if played.get("solvable"):
        goal = _GOAL.search(played["grammar"])
        if goal is None:
            raise ValueError("its grammar states no task")
        target = parameters(task["pddl_params"])
        yield Game(id, split, task["task_type"], goal[1], played["pddl_problem"], target)


def _task(game: Game) -> dict:
    target = game.parameters
    return {
        "task_id": game.id,
        "task_type": game.task_type,
        "pddl_params": {
            "object_target": target.object_target,
            "parent_target": target.parent_target,
            "toggle_target": target.toggle_target,
            "mrecep_target": "",
            "object_sliced": False,
        },
        "turk_annotations": {"anns": [{"task_desc": game.goal}]},
    }


def _played(game: Game) -> dict:
    return {
        "pddl_domain": rules.domain(),
        "grammar": rules.grammar(game.goal),
        "pddl_problem": game.problem,
        "solvable": True,
        "walkthrough": list(game.witness) if game.witness else None,
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
