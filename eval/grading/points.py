"""Where two functions are compared: fixed points that depend on how many names there are, never on the names.

A test point must not know the letters: if `x` were positive everywhere, `|x|` would be `x` for that letter
alone. So a name has the coordinates of its rank. Each rank is negative at its own three of the six mixed
points and even at the same three of the six integer points; the first of the three is shared. Any two of the
first ten ranks therefore meet in all four ways: both, either one, neither.
"""

import hashlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations

Point = dict[str, Fraction]

_POSITIVE = 3
_HALVES = [(0, *pair) for pair in combinations(range(1, 6), 2)]
_EVEN, _ODD = (2, 4, 12), (3, 5, 9)


def points(names: Sequence[str]) -> Iterator[Point]:
    """Fifteen points: three positive, six of mixed signs, six of integers above one; one without names."""
    for index in range(_POSITIVE + 12 if names else 1):
        yield {name: _coordinate(rank, index - _POSITIVE) for rank, name in enumerate(names)}


def _coordinate(rank: int, index: int) -> Fraction:
    """The rank's coordinate: before 0 the points are positive, from 6 on they are integers."""
    half = _HALVES[rank % len(_HALVES)]
    if index >= 6:
        return Fraction(_integer(half, rank, index - 6))
    return -_size(rank, index) if index in half else _size(rank, index)


def _integer(half: tuple[int, ...], rank: int, place: int) -> int:
    """Even at the places of the half, odd at the others; each of the six integers once."""
    others = [other for other in range(6) if other not in half]
    side, values = (half, _EVEN) if place in half else (others, _ODD)
    return values[(side.index(place) + rank) % 3]


def _size(rank: int, index: int) -> Fraction:
    """A fixed fraction between 1/2 and 5/2."""
    draw = int.from_bytes(hashlib.sha256(f"{rank}/{index}".encode()).digest()[:4], "big")
    return Fraction(draw % 9973 + 2500, 4999)
