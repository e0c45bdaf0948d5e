"""The table of quantities against counts by hand."""

import numpy as np
import pandas as pd
import pytest

from studies.signal.estimates import QUANTITIES, estimates
from tests.studies.signal.scores import made_up


@pytest.fixture(scope="module")
def table():
    found = estimates({"teacher": made_up(), "respelled": made_up(penalty=3.0)})
    return found.set_index(["subject", "quantity"])


def test_every_quantity_is_there_and_explained(table):
    assert {name for _, name in table.index} == set(QUANTITIES)
    assert table.notna().all(axis=None)
    assert ((table.low < table["mean"]) & (table["mean"] < table.high)).mean() > 0.8
    alone = estimates({"teacher": made_up()})
    assert set(alone.subject) == {"student"}


def test_shares(table):
    tokens = made_up().tokens
    found = table["mean"]["student"]
    assert found["negative_share"] == pytest.approx(np.mean([gap < 0 for gap in tokens.gap]))
    assert found["positive_token_share_above_0.1"] == pytest.approx(np.mean([g > 0.1 for g in tokens.gap]))
    norms = list(zip(tokens.gap, tokens.logit_gradient_norm, strict=True))
    carried = sum(norm for gap, norm in norms if gap > 0) / sum(norm for _, norm in norms)
    assert found["positive_gradient_share"] == pytest.approx(carried)


def test_late_and_early(table):
    tokens, found = made_up().tokens, table["mean"]["student"]
    late, early = tokens.gap[tokens.position >= 24], tokens.gap[tokens.position < 8]
    assert found["gap_late_minus_early"] == pytest.approx(late.mean() - early.mean())
    tails = [np.quantile(part, 0.05, method="inverted_cdf") for part in (late, early)]
    assert found["lower_tail_late_minus_early"] == pytest.approx(tails[0] - tails[1])
    reached = tokens.response[tokens.position >= 24].nunique()
    assert table.clusters["student", "gap_late_minus_early"] == reached < 30

    quarters = {True: [], False: []}
    for _, response in tokens.groupby("response"):
        for place, gap in enumerate(response.gap):
            if not 0.25 <= place / len(response) < 0.75:
                quarters[place / len(response) >= 0.75].append(gap)
    moved = np.mean(quarters[True]) - np.mean(quarters[False])
    assert found["gap_late_minus_early_within_response"] == pytest.approx(moved)


def test_repetition(table):
    """The teacher is at 0.9 in the original and falls from 0.8 to 0.6 over copies 1 to 3; the students are at
    0.3, 0.32, 0.34, 0.36."""
    found = table.loc["student"]
    assert found["mean"]["repetition_teacher_minus_student"] == pytest.approx(0.7 - 0.33)
    error = np.std([0.3, 0.32, 0.34, 0.36], ddof=1) / 2
    assert found.standard_error["repetition_teacher_minus_student"] == pytest.approx(error)
    assert found["mean"]["repetition_last_minus_first_copy"] == pytest.approx(-0.2)
    assert found.clusters["repetition_last_minus_first_copy"] == 4


def test_what_a_repetition_is_paid_is_a_mean_of_logs(table):
    """Copies 1 to 3 are at -2.2 under the teacher; the students are at -1, -1.1, -1.2, -1.3."""
    found = table.loc["student", :].loc["repetition_gap"]
    assert found["mean"] == pytest.approx(-2.2 + 1.15)
    assert table["mean"]["student", "repetition_gap_later_tokens"] == pytest.approx(-2.2 + 1.15 + 2)
    assert found.standard_error == pytest.approx(np.std([1, 1.1, 1.2, 1.3], ddof=1) / 2)
    assert found.clusters == 4


def test_wrong_responses_against_right_ones(table):
    tokens = made_up().tokens  # every other response is right
    sizes = [tokens.gap[tokens.response % 2 == odd].abs().mean() for odd in (0, 1)]
    assert table["mean"]["student", "absolute_gap_wrong_minus_right"] == pytest.approx(sizes[1] - sizes[0])
    assert table.clusters["student", "absolute_gap_wrong_minus_right"] == 15


def test_the_prefix_probe(table):
    """Of 30 problems the teacher misses 0, 5, ..., 25; after a prefix 5, 15, 25, and 3, 9, 21, 27 besides."""
    found = table["mean"]["student"]
    assert found["prefix_alone"] == pytest.approx(24 / 30)
    assert found["prefix_after"] == pytest.approx(23 / 30)
    assert found["prefix_after_minus_alone"] == pytest.approx(-1 / 30)
    assert found["prefix_right_to_wrong"] == pytest.approx(4 / 30)
    assert found["prefix_wrong_to_right"] == pytest.approx(3 / 30)
    assert found["prefix_after_minus_alone_where_wrong"] == pytest.approx(-4 / 15)
    assert found["prefix_finished_after_minus_alone"] == pytest.approx(-3 / 30)
    error = np.std([-1] * 4 + [1] * 3 + [0] * 23, ddof=1) / 30**0.5
    assert table.standard_error["student", "prefix_after_minus_alone"] == pytest.approx(error)


def test_markers(table):
    """Both teachers' noise is the same, so that the difference is the penalty, in every response."""
    tokens, found = made_up(penalty=3.0).tokens, table.loc["respelled"]
    marked = tokens.marker != ""
    assert found["mean"]["marker_penalty"] == pytest.approx(tokens.gap[marked].mean())
    assert found["mean"]["penalty_outside_markers"] == pytest.approx(tokens.gap[~marked].mean())
    difference = found.loc["marker_penalty_minus_aligned"]
    assert (difference["low"], difference["high"]) == pytest.approx((-3, -3))


def test_a_teacher_that_spells_differently_itself():
    scores = made_up(penalty=3.0)
    found = estimates({"teacher": scores, "respelled": scores}).set_index(["subject", "quantity"])
    assert found.loc[("respelled", "marker_penalty"), "mean"] == pytest.approx(
        scores.tokens.gap[scores.tokens.marker != ""].mean()
    )
    assert ("respelled", "marker_penalty_minus_aligned") not in found.index


def test_what_never_happened_is_empty(table):
    scores = made_up()
    without = scores._replace(
        tokens=scores.tokens.assign(marker=""), repetition=pd.DataFrame(columns=scores.repetition.columns)
    )
    found = estimates({"teacher": without, "respelled": without._replace()}).set_index("quantity")
    empty = found.index[found["mean"].isna()]
    assert set(empty) == {name for name in QUANTITIES if name.startswith(("repetition", "marker"))}
    assert (found.clusters[empty] == 0).all()
