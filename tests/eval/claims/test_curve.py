"""Differences, slopes and ratios of curves, against scipy."""

import numpy as np
import pytest
from scipy import stats

from eval.claims import curve
from eval.claims.spec import CurveComparison
from tests.eval.claims.by_hand import ASKED, curves

STEPS = 8


@pytest.fixture
def results(tmp_path):
    (tmp_path / "studies/s").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def logged(results) -> dict:
    random = np.random.default_rng(1)
    names = [(row, metric) for row in ("a", "b") for metric in ("gap", "gap_by_position_0")]
    values = {name: random.uniform(1, 2, (3, STEPS)) for name in names}
    curves(values).to_csv(results / "studies/s/curves.csv", index=False)
    return values


def test_curves_are_paired_by_seed(results, logged):
    test = CurveComparison(**ASKED, row="a", metric="gap", against={"row": "b"}, window=(0.5, 1))
    found = curve.measure(test, results)
    first, second = (logged[row, "gap"][:, STEPS // 2 :].mean(1) for row in "ab")
    reference = stats.ttest_rel(first, second)
    interval = reference.confidence_interval()
    assert found.mean == pytest.approx((first - second).mean())
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.standard_error == pytest.approx(stats.sem(first - second))
    assert (found.freedom, found.seeds) == (2, 3)


def test_curves_against_another_metric_another_window_and_a_constant(results, logged):
    ways = {
        "metric": ({"against": {"metric": "gap_by_position_0"}}, logged["a", "gap_by_position_0"]),
        "window": ({"against": {"window": [0, 0.25]}}, logged["a", "gap"][:, :2]),
        "first step": ({"against": {"window": "first_step"}}, logged["a", "gap"][:, :1]),
        "value": ({"value": 0.5}, np.full((3, 1), 0.5)),
    }
    for name, (second, values) in ways.items():
        found = curve.measure(CurveComparison(**ASKED, row="a", metric="gap", **second), results)
        differences = logged["a", "gap"].mean(1) - values.mean(1)
        interval = stats.ttest_1samp(differences, 0).confidence_interval()
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high)), name


def test_a_slope_over_metrics_that_every_step_logs(results):
    """0.5 a place for seed 0 and -1 for seed 1; the last metric is missing in a step, and would say 100."""
    values = {("a", f"g{i}"): [[0.5 * i] * 2, [-1.0 * i, -1.0 * i]] for i in range(3)}
    values["a", "g3"] = [[100.0, 100.0], [100.0, np.nan]]
    curves(values).to_csv(results / "studies/s/curves.csv", index=False)
    asked = CurveComparison(**ASKED, row="a", metric=["g0", "g1", "g2", "g3"], value=0)
    found = curve.measure(asked, results)
    assert found.mean == pytest.approx(-0.25)
    assert found.standard_error == pytest.approx(stats.sem([0.5, -1]))
    assert asked.words == "slope over g0 to g3: a"
    assert found.note == "without g3, which some step lacks"
    with pytest.raises(ValueError, match="'a' logs 1 of g0, g3 at every step; no slope"):
        curve.measure(asked.model_copy(update={"metric": ("g0", "g3")}), results)


@pytest.mark.parametrize(
    ("unit", "direction", "room"),
    [
        ("share", "below", 0.25),
        ("share", "above", 0.75),
        ("share", "little", np.inf),
        ("nats", "below", np.inf),
    ],
)
def test_a_share_has_room_from_the_second_side_to_its_end(results, unit, direction, room):
    values = {("a", "cap_share"): [[0.5] * 2] * 2, ("b", "cap_share"): [[0.25] * 2] * 2}
    curves(values).to_csv(results / "studies/s/curves.csv", index=False)
    asked = ASKED | {"unit": unit, "direction": direction}
    found = curve.measure(
        CurveComparison(**asked, row="a", metric="cap_share", against={"row": "b"}), results
    )
    assert found.room == pytest.approx(room)
    alone = CurveComparison(**asked, row="a", metric="cap_share", value=0.25)
    assert curve.measure(alone, results).room == np.inf


def test_a_ratio_is_a_difference_of_logs(results, logged):
    test = CurveComparison(**ASKED, row="a", metric="gap", against={"row": "b"}, scale="log_ratio")
    found = curve.measure(test, results)
    ratios = np.log(logged["a", "gap"].mean(1) / logged["b", "gap"].mean(1))
    assert found.mean == pytest.approx(ratios.mean())
    assert found.standard_error == pytest.approx(stats.sem(ratios))


def test_curves_that_cannot_be_compared(results):
    nan = [[1.0, np.nan]] * 2
    values = {("a", "gap"): nan, ("b", "gap"): nan[:1], ("c", "gap"): [[np.nan] * 2] * 2}
    curves(values).to_csv(results / "studies/s/curves.csv", index=False)

    def measure(row, **second):
        return curve.measure(CurveComparison(**ASKED, row=row, metric="gap", **second), results)

    with pytest.raises(ValueError, match=r"seeds \[0, 1\] and \[0\] cannot be paired"):
        measure("a", against={"row": "b"})
    with pytest.raises(ValueError, match="no gap of 'd' in 0 to 100 % of the run"):
        measure("d", value=0)
    assert measure("a", value=0).mean == 1, "a step that does not log the metric does not count"
    assert np.isnan(measure("c", value=0).mean)
    alone = measure("b", value=0)
    assert alone.mean == 1
    assert np.isnan([alone.low, alone.high, alone.power(1), alone.detectable]).all()
