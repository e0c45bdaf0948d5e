"""Windows of a run, as docs/claims.md defines them."""

import pytest

from eval.report.window import LATE, within
from tests.eval.claims.by_hand import curves


@pytest.mark.parametrize(
    ("steps", "expected"), [(3, []), (4, [3]), (5, [4]), (6, [5]), (7, [6]), (8, [6, 7]), (9, [7, 8])]
)
def test_the_last_quarter_is_never_more_than_that(steps, expected):
    frame = curves({("a", "gap"): [range(steps)]})
    assert within(frame, LATE).step.tolist() == expected


def test_windows_share_a_run_among_them():
    frame = curves({("a", "gap"): [range(7)]})
    parts = [within(frame, window).step.tolist() for window in ((0, 0.25), (0.25, 0.5), (0.5, 1))]
    assert parts == [[0, 1], [2, 3], [4, 5, 6]]


def test_every_method_is_measured_against_its_own_length():
    frame = curves({("long", "gap"): [range(8)] * 2, ("short", "gap"): [range(4)]})
    late = within(frame, LATE)
    assert late.groupby("method").step.unique().map(list).to_dict() == {"long": [6, 7], "short": [3]}


def test_tasks_in_turn_are_parts_of_one_run():
    frame = curves({("a", "gap"): [range(8)]})
    frame["task"] = ["chain", "games"] * 4
    assert within(frame, LATE).task.tolist() == ["chain", "games"]


@pytest.mark.parametrize("steps", [20, 80, 400])
def test_the_first_step_is_one_step_of_a_run_of_any_length(steps):
    frame = curves({("a", "gap"): [range(steps)] * 2})
    assert within(frame, "first_step").step.tolist() == [0, 0]
    assert within(frame, (0, 1 / 80)).step.max() == max(0, steps // 80 - 1)
