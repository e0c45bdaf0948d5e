"""Sets of real numbers: intervals, points, unions, differences and inequalities, compared by membership."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import mpmath
from mpmath import mp

from eval.grading.answer import FLIPPED, Answer, Named, Relation, Sequence, SetOperation, Value, Words
from eval.grading.equations import relation_names
from eval.grading.evaluate import symbols, value
from eval.grading.functions import TooLargeError, UndefinedError

_EVERYTHING = ("all real numbers", "all reals", "real numbers", "all real number", "reals")


@dataclass(frozen=True)
class RealSet:
    """Membership, and the finite points where it can change."""

    contains: Callable[[mpmath.mpf], bool]
    ends: tuple[mpmath.mpf, ...]


def real_set(answer: Answer) -> RealSet | None:
    """The set that the answer describes; None where it is none, or its ends are no numbers."""
    if isinstance(answer, SetOperation):
        return _operation(answer)
    if isinstance(answer, Relation):
        return _inequality(answer)
    if isinstance(answer, Named):
        return _points((answer.value,))
    if isinstance(answer, Words) and answer.text.lower() in _EVERYTHING:
        return RealSet(lambda x: True, ())
    if isinstance(answer, Value) and answer.node.arguments[:1] == (r"\mathbb R",):
        return RealSet(lambda x: True, ())
    if isinstance(answer, Sequence):
        return _sequence(answer)
    return None


def same_set(first: RealSet, second: RealSet) -> bool:
    """Whether both hold the same numbers: tested at every end, between them and beyond."""
    with mp.workdps(40):
        return all(first.contains(x) == second.contains(x) for x in _probes([*first.ends, *second.ends]))


def _probes(ends: Iterable[mpmath.mpf]) -> list[mpmath.mpf]:
    distinct: list[mpmath.mpf] = []
    for end in sorted(ends):
        if not distinct or not _equal(end, distinct[-1]):
            distinct.append(end)
    if not distinct:
        return [mp.mpf(0)]
    between = [(low + high) / 2 for low, high in pairwise(distinct)]
    return [distinct[0] - 1, *distinct, *between, distinct[-1] + 1]


def _sequence(answer: Sequence) -> RealSet | None:
    if answer.opening == r"\{":
        return _points(answer.items)
    if answer.opening in ("(", "[") and len(answer.items) == 2:
        low, high = (_constant(item) for item in answer.items)
        if low is None or high is None or low >= high:
            return None
        return _interval(low, answer.opening == "[", high, answer.closing == "]")
    sets = [item for item in answer.items if not isinstance(item, Named)]  # x < 0 or x = 1
    if not answer.opening and sets and all(isinstance(item, (Relation, SetOperation)) for item in sets):
        if len(relation_names(answer)) > 1:
            return None  # x < 3, y < 5 is no set of numbers
        parts = [real_set(item) for item in answer.items]
        known = [part for part in parts if part is not None]
        if len(known) == len(parts):
            decide = any if answer.joint == "or" else all
            ends = tuple(end for part in known for end in part.ends)
            return RealSet(lambda x: decide(part.contains(x) for part in known), ends)
    return None


def _points(items: tuple[Answer, ...]) -> RealSet | None:
    values = [_constant(item) for item in items]
    known = tuple(v for v in values if v is not None and mp.isfinite(v))
    if len(known) < len(values):
        return None
    return RealSet(lambda x: any(_equal(x, point) for point in known), known)


def _interval(low: mpmath.mpf, low_closed: bool, high: mpmath.mpf, high_closed: bool) -> RealSet:
    def contains(x: mpmath.mpf) -> bool:
        if _equal(x, low):
            return low_closed
        if _equal(x, high):
            return high_closed
        return bool(low < x < high)

    return RealSet(contains, tuple(end for end in (low, high) if mp.isfinite(end)))


def _operation(answer: SetOperation) -> RealSet | None:
    left, right = real_set(answer.left), real_set(answer.right)
    if left is None or right is None:
        return None
    contains = {
        r"\cup": lambda x: left.contains(x) or right.contains(x),
        r"\cap": lambda x: left.contains(x) and right.contains(x),
        r"\setminus": lambda x: left.contains(x) and not right.contains(x),
    }[answer.operation]
    return RealSet(contains, left.ends + right.ends)


def _inequality(answer: Relation) -> RealSet | None:
    """`x < 3`, `3 > x`, `1 < x \\le 2`, `x \\ne 3`: one named side, numbers around it."""
    named = [i for i, name in enumerate(answer.names) if name]
    if len(named) != 1 or "=" in answer.signs:
        return None
    middle, parts = named[0], []
    for index, side in enumerate(answer.sides):
        if index == middle:
            continue
        bound = _constant(side)
        if bound is None or abs(index - middle) != 1:
            return None
        sign = answer.signs[middle] if index > middle else answer.signs[index]
        parts.append(_half_line(sign if index > middle else FLIPPED[sign], bound))
    return RealSet(lambda x: all(part.contains(x) for part in parts), tuple(e for p in parts for e in p.ends))


def _half_line(sign: str, bound: mpmath.mpf) -> RealSet:
    test = {
        "<": lambda x: x < bound and not _equal(x, bound),
        r"\le": lambda x: x < bound or _equal(x, bound),
        ">": lambda x: x > bound and not _equal(x, bound),
        r"\ge": lambda x: x > bound or _equal(x, bound),
        r"\ne": lambda x: not _equal(x, bound),
    }[sign]
    return RealSet(test, (bound,) if mp.isfinite(bound) else ())


def _constant(answer: Answer) -> mpmath.mpf | None:
    """The real number, finite or not; None where the answer is none."""
    if not isinstance(answer, Value) or answer.unit or symbols(answer.node):
        return None
    try:
        number = value(answer.node, {})
    except (UndefinedError, TooLargeError, ZeroDivisionError, ValueError, TypeError):
        return None
    return number if isinstance(number, mp.mpf) else None


def _equal(first: mpmath.mpf, second: mpmath.mpf) -> bool:
    if not (mp.isfinite(first) and mp.isfinite(second)):
        return bool(first == second)
    return bool(abs(first - second) <= mp.mpf(10) ** -12 * max(abs(first), abs(second), mp.mpf(10) ** -20))
