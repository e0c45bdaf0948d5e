"""Where to look first for a class of thing: the placement tables, and how full furniture tends to be."""

from functools import cache

from envs.alfworld.generator import wheel
from envs.alfworld.household import LAMP, LAMP_STANDS

# Things that can be taken from one piece of furniture, on average over ALFWorld's 3,553 training games.
_CROWD = {
    "armchair": 0.8,
    "bathtubbasin": 1.4,
    "bed": 4.1,
    "cabinet": 0.4,
    "cart": 3.2,
    "coffeemachine": 0.4,
    "coffeetable": 4.1,
    "countertop": 6.1,
    "desk": 6.0,
    "diningtable": 9.2,
    "drawer": 0.5,
    "dresser": 3.9,
    "fridge": 4.2,
    "garbagecan": 0.8,
    "handtowelholder": 0.8,
    "laundryhamper": 0.0,
    "microwave": 1.1,
    "ottoman": 1.1,
    "safe": 0.5,
    "shelf": 1.0,
    "sidetable": 2.4,
    "sinkbasin": 1.6,
    "sofa": 2.4,
    "stoveburner": 0.7,
    "toaster": 0.0,
    "toilet": 2.5,
    "toiletpaperhanger": 0.2,
    "towelholder": 0.9,
    "tvstand": 2.7,
}
_LAMP_STANDS = {kind.lower() for kind in LAMP_STANDS}


@cache
def likelihood(thing: str, furniture: str) -> float:
    """About how many things of the class to expect at one piece of furniture, per turn spent to see it."""
    if thing == LAMP.lower():
        return float(furniture in _LAMP_STANDS)
    things = _tables().get(furniture, frozenset())
    if thing not in things:
        return 0.0
    turns = 2 if furniture in _openable() else 1
    return _CROWD[furniture] / len(things) / turns


@cache
def _tables() -> dict[str, frozenset[str]]:
    return {kind.lower(): frozenset(map(str.lower, held)) for kind, held in wheel.contents().items()}


@cache
def _openable() -> frozenset[str]:
    return frozenset(map(str.lower, wheel.openable_kinds()))
