"""What the alfworld wheel ships besides its engine: placement tables, goal templates and floor plans.

Read as files: `import alfworld` would create a folder in the user's home and pull in the engine's packages.
"""

import json
import re
import runpy
from functools import cache
from pathlib import Path
from typing import Any

from envs.alfworld.rules import folder


@cache
def _constants() -> dict[str, Any]:
    return runpy.run_path(str(folder() / "gen" / "constants.py"))


@cache
def _goal_library() -> dict[str, Any]:
    library: dict[str, Any] = runpy.run_path(str(folder() / "gen" / "goal_library.py"))["gdict"]
    return library


@cache
def contents() -> dict[str, frozenset[str]]:
    """The object classes that may lie in or on each kind of furniture, without slices: no task has any."""
    table = _constants()["VAL_RECEPTACLE_OBJECTS"]
    movable = movable_receptacles()
    return {
        kind: frozenset(name for name in classes if not name.endswith("Sliced"))
        for kind, classes in table.items()
        if kind not in movable
    }


@cache
def movable_receptacles() -> frozenset[str]:
    """Object classes that can hold others: bowls, boxes, cups, ..."""
    return frozenset(_constants()["MOVABLE_RECEPTACLES"])


@cache
def openable_kinds() -> frozenset[str]:
    """Kinds of furniture with a door or a lid."""
    return frozenset(_constants()["OPENABLE_CLASS_LIST"])


@cache
def affordance(name: str) -> frozenset[str]:
    """The object classes that are Cleanable, Heatable, Coolable, Toggleable or Sliceable."""
    return frozenset(_constants()["VAL_ACTION_OBJECTS"][name])


def rooms(task_type: str) -> frozenset[str]:
    """The room types a task type is played in."""
    return frozenset(_constants()["GOALS_VALID"][task_type])


def scene_numbers(room: str, unseen: bool) -> tuple[int, ...]:
    """ALFRED's floor plans of a room type: 24 for training and seen games, 6 for unseen ones."""
    numbers = _constants()["TEST_SCENE_NUMBERS" if unseen else "TRAIN_SCENE_NUMBERS"]
    return tuple(number for number in numbers if number in _constants()["SCENE_TYPE"][room])


def goal_texts(task_type: str) -> tuple[str, ...]:
    """Goal sentences with the holes {obj}, {recep} and {toggle}."""
    return tuple(_goal_library()[task_type]["templates"])


def goal_condition(task_type: str) -> str:
    """The goal in PDDL with the same holes, without the bracket that closes the problem."""
    text = re.sub(r"\s+", " ", _goal_library()[task_type]["pddl"]).strip().replace("#", "-")
    return text.removesuffix(")").strip()


@cache
def floor_plan_files(scene: int) -> tuple[dict[str, tuple[float, ...]], frozenset[str]]:
    """A floor plan's furniture (id: where one stands, as x, z, rotation, horizon) and its classes."""
    stem = folder() / "gen" / "layouts" / f"FloorPlan{scene}"
    furniture = json.loads(Path(f"{stem}-openable.json").read_text())
    classes = json.loads(Path(f"{stem}-objects.json").read_text())
    return {key: tuple(place) for key, place in furniture.items()}, frozenset(classes)
