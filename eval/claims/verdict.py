"""From an effect's interval to a verdict. A pure function; `docs/claims.md` states it in words."""

import math
from dataclasses import dataclass

from eval.claims.spec import Direction

SUPPORTED, CONTRADICTED, UNDECIDED = VERDICTS = ("supported", "contradicted", "undecided")
_ROUNDING = 1e-9  # an interval narrower than this has no width


@dataclass(frozen=True)
class Verdict:
    """One of `VERDICTS` and why, in words; empty where the numbers say it."""

    name: str
    reason: str = ""


def decide(
    direction: Direction, mean: float, low: float, high: float, matters: float, room: float = math.inf
) -> Verdict:
    """The verdict on an effect with interval [low, high], where `matters` > 0 is the least that matters.

    With less `room` than that, nothing could support a claim of an effect: only the opposite contradicts it.
    """
    if not all(map(math.isfinite, (mean, low, high))):
        return Verdict(UNDECIDED, "no interval: too few runs or values that are missing")
    if math.isclose(low, high, rel_tol=_ROUNDING, abs_tol=_ROUNDING):
        return Verdict(UNDECIDED, "no interval: all runs gave the same value")
    if direction == "little":
        return _little(mean, low, high, matters)
    if direction == "at_most":
        return _at_most(mean, low, high, matters)
    if direction == "below":
        mean, low, high = -mean, -high, -low
    if low > 0 and mean >= matters:
        return Verdict(SUPPORTED)
    if high < 0:
        return Verdict(CONTRADICTED, "the opposite holds")
    if room < matters:
        return Verdict(UNDECIDED, f"there is no room for an effect that matters: {room:.2g} at most")
    if high < matters:
        return Verdict(CONTRADICTED, "the effect is too small to matter")
    if low > 0:
        return Verdict(UNDECIDED, "there is an effect, but perhaps too small to matter")
    return Verdict(UNDECIDED, "the interval holds both zero and effects that matter")


def _at_most(mean: float, low: float, high: float, matters: float) -> Verdict:
    if high < matters:
        return Verdict(SUPPORTED)
    if low > 0 and mean >= matters:
        return Verdict(CONTRADICTED, "the effect matters")
    return Verdict(UNDECIDED, "the interval holds effects that matter")


def _little(mean: float, low: float, high: float, matters: float) -> Verdict:
    if max(abs(low), abs(high)) < matters:
        return Verdict(SUPPORTED)
    if (low > 0 or high < 0) and abs(mean) >= matters:
        return Verdict(CONTRADICTED, "the effect matters")
    return Verdict(UNDECIDED, "the interval holds effects that matter")
