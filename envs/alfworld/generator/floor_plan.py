"""ALFRED's 120 rooms as the wheel's layouts state them: furniture, where it stands, classes of objects."""

from dataclasses import dataclass
from functools import cache

from envs.alfworld.generator import wheel
from envs.alfworld.household import LAMP

BURNERS = 4


@dataclass(frozen=True)
class Furniture:
    """One receptacle. `id` and `location` are PDDL names; several pieces may share a location."""

    id: str
    kind: str
    location: str


@dataclass(frozen=True)
class FloorPlan:
    """A room before any object lies in it: its furniture and the classes of objects it may hold."""

    scene: int
    furniture: tuple[Furniture, ...]
    objects: frozenset[str]


@cache
def floor_plan(scene: int) -> FloorPlan:
    """The floor plan of an ALFRED scene number.

    The layouts place what can be opened and the large furniture. Stove burners, coffee machines, towel
    holders and the like are only named as classes; they get a location of their own.
    """
    placed, classes = wheel.floor_plan_files(scene)
    furniture = [Furniture(_pddl_name(key), _kind(key), _location(where)) for key, where in placed.items()]
    missing = sorted(classes & wheel.contents().keys() - {piece.kind for piece in furniture})
    unplaced = [kind for kind in missing for _ in range(BURNERS if kind == "StoveBurner" else 1)]
    furniture += [_unplaced(kind, number) for number, kind in enumerate(unplaced)]
    placeable = frozenset().union(*wheel.contents().values())
    return FloorPlan(scene, tuple(furniture), classes & (placeable | {LAMP}))


def _kind(key: str) -> str:
    """`Sink|-01.90|...|SinkBasin` is a SinkBasin, `Desk|+02.29|...` a Desk.

    Read as the engine names it: FloorPlan420 has a `Bathtub|...|SinkBasin`, which is a bathtub's.
    """
    return key.split("|", 1)[0] + ("Basin" if key.endswith("Basin") else "")


def _unplaced(kind: str, number: int) -> Furniture:
    """A piece at a location of its own. The engine names it after its id, so a basin needs a tub's."""
    tail = f"_bar_{kind}" if kind.endswith("Basin") else ""
    id = f"{kind.removesuffix('Basin')}_bar_{number:02d}{tail}"
    return Furniture(id, kind, f"loc_bar_unplaced_bar_{number:02d}")


def _pddl_name(key: str) -> str:
    for character, word in (("|", "_bar_"), ("+", "_plus_"), ("-", "_minus_"), (".", "_dot_")):
        key = key.replace(character, word)
    return key


def _location(where: tuple[float, ...]) -> str:
    """ALFRED's name of a standing place: quarter metres, quarter turns, degrees."""
    x, z, rotation, horizon = where
    numbers = (round(4 * x), round(4 * z), round(rotation / 90), round(horizon))
    return "loc" + "".join(f"_bar_{number}" for number in numbers).replace("-", "_minus_")
