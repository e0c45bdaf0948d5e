"""Verdicts: the rules as written in docs/claims.md, and what must hold of any interval."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eval.claims.verdict import VERDICTS, decide

NUMBERS = st.floats(-100, 100)
MATTERS = st.floats(0.01, 50)
DIRECTIONS = st.sampled_from(["above", "below", "little", "at_most"])


@st.composite
def intervals(draw) -> tuple[float, float, float]:
    """(mean, low, high) of an interval that has a width."""
    low, mean, high = sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
    assume(high - low > 1e-3)
    return mean, low, high


@pytest.mark.parametrize(
    ("direction", "mean", "low", "high", "verdict", "reason"),
    [
        ("above", 3, 1, 5, "supported", ""),
        ("above", 2, 0.1, 3.9, "supported", ""),
        ("above", 1.9, 0.1, 3.9, "undecided", "perhaps too small"),
        ("above", 3, -0.1, 6, "undecided", "both zero and effects that matter"),
        ("above", 0, -1, 1, "contradicted", "too small to matter"),
        ("above", 1, 0.5, 1.5, "contradicted", "too small to matter"),
        ("above", -3, -4, -2, "contradicted", "the opposite"),
        ("above", -3, -9, 3, "undecided", "both zero and effects that matter"),
        ("below", -3, -5, -1, "supported", ""),
        ("below", 3, 1, 5, "contradicted", "the opposite"),
        ("little", 0.5, -0.5, 1.5, "supported", ""),
        ("little", 1, 0.5, 1.5, "supported", ""),
        ("little", -3, -4, -2, "contradicted", "the effect matters"),
        ("little", 1, 0.5, 2.5, "undecided", "holds effects that matter"),
        ("little", 0.5, -3, 4, "undecided", "holds effects that matter"),
        ("at_most", -3, -4, -2, "supported", ""),
        ("at_most", 0, -1, 1, "supported", ""),
        ("at_most", 3, 1, 5, "contradicted", "the effect matters"),
        ("at_most", 1, 0.5, 2.5, "undecided", "holds effects that matter"),
        ("above", math.nan, math.nan, math.nan, "undecided", "too few runs"),
        ("above", 5, math.nan, math.nan, "undecided", "too few runs"),
        ("little", 0, -math.inf, math.inf, "undecided", "too few runs"),
        ("little", 0, 0, 0, "undecided", "the same value"),
        ("above", 5, 5, 5 + 1e-13, "undecided", "the same value"),
    ],
)
def test_rules(direction, mean, low, high, verdict, reason):
    found = decide(direction, mean, low, high, matters=2)
    assert found.name == verdict
    assert reason in found.reason


@pytest.mark.parametrize(
    ("direction", "interval", "verdict", "reason"),
    [
        ("below", (-0.5, -0.9, -0.1), "undecided", "no room for an effect that matters: 1 at most"),
        ("above", (0, -0.5, 0.5), "undecided", "no room"),
        ("below", (3, 1, 5), "contradicted", "the opposite holds"),
        ("little", (0.5, -0.5, 1), "supported", ""),
        ("at_most", (0.5, -0.5, 1), "supported", ""),
    ],
)
def test_without_room_nothing_but_the_opposite_contradicts(direction, interval, verdict, reason):
    found = decide(direction, *interval, matters=2, room=1)
    assert found.name == verdict
    assert reason in found.reason


@given(intervals(), MATTERS)
def test_below_is_above_turned_round(interval, matters):
    mean, low, high = interval
    assert decide("below", mean, low, high, matters) == decide("above", -mean, -high, -low, matters)


@given(intervals(), MATTERS)
def test_at_most_is_above_denied(interval, matters):
    above, at_most = (decide(name, *interval, matters).name for name in ("above", "at_most"))
    denied = {"supported": "contradicted", "contradicted": "supported", "undecided": "undecided"}
    assert at_most == denied[above]


@given(intervals(), MATTERS)
def test_little_does_not_see_the_sign(interval, matters):
    mean, low, high = interval
    assert decide("little", mean, low, high, matters) == decide("little", -mean, -high, -low, matters)


@given(intervals(), MATTERS)
def test_opposite_claims_are_never_both_supported(interval, matters):
    verdicts = {name: decide(name, *interval, matters).name for name in ("above", "below", "little")}
    assert set(verdicts.values()) <= set(VERDICTS)
    assert list(verdicts.values()).count("supported") <= 1
    if verdicts["little"] == "supported":
        assert verdicts["above"] == verdicts["below"] == "contradicted"
    if "supported" in (verdicts["above"], verdicts["below"]):
        assert verdicts["little"] != "supported"


@given(intervals(), MATTERS, st.floats(1, 10), DIRECTIONS)
def test_a_verdict_has_no_unit(interval, matters, factor, direction):
    scaled = (factor * value for value in interval)
    assert decide(direction, *scaled, factor * matters).name == decide(direction, *interval, matters).name


@given(intervals(), MATTERS, st.floats(0, 50), DIRECTIONS)
def test_less_precision_never_decides(interval, matters, wider, direction):
    """A wider interval about the same mean leaves a verdict or makes it undecided."""
    mean, low, high = interval
    before = decide(direction, mean, low, high, matters).name
    after = decide(direction, mean, low - wider, high + wider, matters).name
    assert after in (before, "undecided")


@given(intervals(), MATTERS)
def test_undecided_is_what_could_still_be_either(interval, matters):
    _, low, high = interval
    if decide("above", *interval, matters).name == "undecided":
        assert high >= matters
    if low >= matters:
        assert decide("above", *interval, matters).name == "supported"
