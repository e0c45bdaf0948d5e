"""Effects from small hand-made files, against scipy and against the table of the same study."""

from itertools import combinations_with_replacement, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from eval.claims import curve, lines, score
from eval.claims.spec import CurveComparison, LineComparison, OrderComparison, ScoreComparison
from eval.claims.verdict import decide
from eval.report import tables
from tests.eval.alfworld.study import long_table
from tests.eval.report.test_tables import SPEC

ASKED = {"study": "s", "direction": "above", "matters": 1, "unit": "points"}
STEPS = 8
RANK = {"contradicted": 0, "undecided": 1, "supported": 2}


def scores(seeds=3) -> pd.DataFrame:
    """Rows base, better and model: 2 suites of 4 problems, 2 samples, and a panel of 4 games."""
    random = np.random.default_rng(0)
    parts = []
    for suite, protocol in (("easy", "avg@2"), ("hard", "avg@2"), ("unseen", "compact avg@2")):
        won = {
            (row, seed): {f"{suite}/{i}": random.binomial(2, p) for i in range(4)}
            for row, p, count in (("base", 0.4, seeds), ("better", 0.7, seeds), ("model", 0.5, 1))
            for seed in range(count)
        }
        table = {key: {g: (w, 2 - w, 0) for g, w in games.items()} for key, games in won.items()}
        parts.append(long_table(table, suite).assign(protocol=protocol, majority=0.0))
    return pd.concat(parts, ignore_index=True)


def curves(values: dict, task="t") -> pd.DataFrame:
    """(row, metric) -> (seeds, steps) values, as curves.csv has them."""
    return pd.DataFrame(
        [
            (row, seed, task, step, metric, value)
            for (row, metric), runs in values.items()
            for seed, run in enumerate(runs)
            for step, value in enumerate(run)
        ],
        columns=["method", "seed", "task", "step", "metric", "value"],
    )


@pytest.fixture
def results(tmp_path):
    (tmp_path / "studies/s").mkdir(parents=True)
    scores().to_csv(tmp_path / "studies/s/scores.csv", index=False)
    return tmp_path


@pytest.fixture
def logged(results) -> dict:
    random = np.random.default_rng(1)
    names = [(row, metric) for row in ("a", "b") for metric in ("gap", "gap_by_position_0")]
    values = {name: random.uniform(1, 2, (3, STEPS)) for name in names}
    curves(values).to_csv(results / "studies/s/curves.csv", index=False)
    return values


@pytest.mark.parametrize(("row", "against"), [("better", "base"), ("base", "model")])
@pytest.mark.parametrize(("panel", "column"), [(None, "difference"), ("unseen", "unseen difference")])
def test_scores_differ_as_the_table_says(results, row, against, panel, column):
    test = ScoreComparison(**ASKED, row=row, against=against, panel=panel)
    found = score.measure(test, "avg@2", results)
    spec = SPEC.model_copy(update={"reference_row": against, "panels": ("unseen",)})
    table = tables.build(spec, scores())
    cell = table[(table.row == row) & (table.column == column)].iloc[0]
    for name in ("mean", "low", "high", "standard_error", "freedom", "seeds", "detectable"):
        assert getattr(found, name) == pytest.approx(cell[name]), name
    assert found.clusters == cell.problems == (4 if panel else 8)


def test_the_difference_is_that_of_the_suites_averages(results):
    found = score.measure(ScoreComparison(**ASKED, row="better", against="base"), "avg@2", results)
    frame = scores()
    share = (frame.correct / 2).groupby([frame.row, frame.suite]).mean()
    expected = 100 * (share["better"][["easy", "hard"]].mean() - share["base"][["easy", "hard"]].mean())
    assert found.mean == pytest.approx(expected)


@pytest.mark.parametrize("panel", [("legacy", "unseen"), ("unseen", "easy")])
def test_the_first_panel_that_was_played_counts(results, panel):
    found, alone = (
        score.measure(ScoreComparison(**ASKED, row="better", against="base", panel=each), "avg@2", results)
        for each in (panel, "unseen")
    )
    assert (found.mean, found.low, found.clusters) == (alone.mean, alone.low, alone.clusters)
    assert (found.note, alone.note) == ("panel unseen", "")


def test_the_best_of_several_rows_is_chosen_by_training_success_alone(results):
    """base succeeds more in the last quarter of training, better earlier and in the suites."""
    early, late = [1.0] * 6 + [0.2] * 2, [0.0] * 6 + [0.6] * 2
    success = {
        ("better", "episode_success"): [early] * 3,
        ("base", "episode_success"): [late] * 3,
        ("base", "gap"): [[9.0] * 8] * 3,
    }
    curves(success).to_csv(results / "studies/s/curves.csv", index=False)
    test = ScoreComparison(**ASKED, row=["better", "base"], against="model")
    found = score.measure(test, "avg@2", results)
    alone = score.measure(ScoreComparison(**ASKED, row="base", against="model"), "avg@2", results)
    assert found.mean == alone.mean
    assert found.note == "highest training success: base and model"


@pytest.mark.parametrize("panel", [None, "unseen"])
def test_runs_of_other_seeds_are_not_paired(results, panel):
    frame = scores()
    frame.loc[(frame.row == "better") & (frame.seed == 2), "seed"] = 7
    frame.to_csv(results / "studies/s/scores.csv", index=False)
    test = ScoreComparison(**ASKED, row="better", against="base", panel=panel)
    with pytest.raises(ValueError, match=r"'better' has seeds \[0, 1, 7\] and 'base' \[0, 1, 2\]"):
        score.measure(test, "avg@2", results)


def test_a_row_without_scores_is_named(results):
    with pytest.raises(ValueError, match="no scores of 'nobody'"):
        score.measure(ScoreComparison(**ASKED, row="nobody", against="base"), "avg@2", results)


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
    with pytest.raises(ValueError, match="'a' logs 1 of g0, g3 at every step; no slope"):
        curve.measure(asked.model_copy(update={"metric": ("g0", "g3")}), results)


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
    with pytest.raises(ValueError, match="no gap of 'd' between 0 and 1"):
        measure("d", value=0)
    assert measure("a", value=0).mean == 1, "a step that does not log the metric does not count"
    assert np.isnan(measure("c", value=0).mean)
    alone = measure("b", value=0)
    assert alone.mean == 1
    assert np.isnan([alone.low, alone.high, alone.power(1), alone.detectable]).all()


def test_a_line_with_a_standard_error(tmp_path):
    columns = ["quantity", "subject", "mean", "low", "high", "standard_error", "freedom", "clusters"]
    rows = [("share", "a", 0.7, 0.5, 0.9, 0.1, 60, 61), ("share", "b", 0.1, 0.0, 0.2, 0.05, 60, 61)]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "t.csv", index=False)

    def measure(**where):
        return lines.line(LineComparison(**ASKED, file="t.csv", where=where, value=0.5), tmp_path)

    found = measure(quantity="share", subject="a")
    assert (found.mean, found.low, found.high) == pytest.approx((0.2, 0.0, 0.4))
    assert (found.standard_error, found.freedom, found.clusters) == (0.1, 60, 61)
    for where, count in (({"quantity": "share"}, 2), ({"subject": "c"}, 0)):
        with pytest.raises(ValueError, match=rf"t\.csv has {count} lines"):
            measure(**where)
    with pytest.raises(ValueError, match="no column 'who' among"):
        measure(who="a")


def test_a_line_with_an_interval_alone(tmp_path):
    """A t interval gives back its own standard error."""
    values = np.random.default_rng(0).normal(2.8, 0.3, 16)
    interval = stats.ttest_1samp(values, 0).confidence_interval()
    table = {"gamma": [0.0, 1.0], "pairs": 16, "exponent": values.mean(), "low": interval.low}
    pd.DataFrame({**table, "high": interval.high}).to_csv(tmp_path / "e.csv", index=False)
    named = {"file": "e.csv", "mean": "exponent", "clusters": "pairs"}
    found = lines.line(LineComparison(**ASKED, **named, where={"gamma": 1}, value=4), tmp_path)
    assert found.mean == pytest.approx(values.mean() - 4)
    assert found.standard_error == pytest.approx(stats.sem(values))
    assert (found.freedom, found.clusters) == (15, 16)


def ordered(tmp_path, table: dict, **changes):
    """Variances at gamma 0, 0.5 and 1, by (seed, iteration)."""
    rows = [
        (*key, gamma, v)
        for key, of_gamma in table.items()
        for gamma, v in zip((1, 0, 0.5), of_gamma, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["seed", "iteration", "gamma", "variance"])
    frame.to_csv(tmp_path / "o.csv", index=False)
    asked = {"file": "o.csv", "column": "variance", "grows_with": "gamma", "clusters": ["seed"]}
    asked |= {"within": ["iteration"], "value": 0.5} | changes
    return lines.order(OrderComparison(**ASKED, **asked), tmp_path)


def test_the_share_in_order(tmp_path):
    """Seed 0: both in order; seed 1: one, ties are no order; seed 2: none, inf - inf is no order."""
    up, tie, down, lost = (3, 1, 2), (2, 1, 2), (1, 3, 2), (np.inf, 1, np.inf)
    table = {(0, 0): up, (0, 1): up, (1, 0): up, (1, 1): tie, (2, 0): down, (2, 1): lost}
    found = ordered(tmp_path, table)
    shares = np.array([1, 0.5, 0])
    low, high = proportion_confint(1.5, 3, method="wilson")
    assert found.mean == pytest.approx(shares.mean() - 0.5)
    assert (found.low, found.high) == pytest.approx((low - 0.5, high - 0.5))
    assert found.standard_error == pytest.approx((high - low) / 2 / stats.norm.ppf(0.975))
    assert (found.clusters, found.freedom) == (3, np.inf)
    ends = ordered(tmp_path, table, where={"gamma": [0, 1]}, value=0)
    assert ends.mean == pytest.approx((1 + 1 + 0.5) / 3), "without gamma 0.5 tie and lost grow"


def test_clusters_that_agree_are_no_certainty(tmp_path):
    found = ordered(tmp_path, {(seed, 0): (3, 1, 2) for seed in range(4)})
    assert (found.mean, found.high) == (0.5, 0.5)
    assert found.low == pytest.approx(proportion_confint(4, 4, method="wilson")[0] - 0.5)
    assert 0 < found.power(0.1) < 1


@pytest.mark.parametrize(("value", "matters"), [(0.0, 0.5), (0.0083, 0.5), (0.25, 0.25)])
def test_more_order_is_never_less_support_and_three_seeds_cannot_contradict(tmp_path, value, matters):
    up, down = (3, 1, 2), (1, 3, 2)
    verdicts = {}
    for counts in combinations_with_replacement(range(3), 3):  # groups in order, of two per seed
        table = {(seed, i): up if i < n else down for seed, n in enumerate(counts) for i in range(2)}
        found = ordered(tmp_path, table, value=value)
        verdicts[counts] = decide("above", found.mean, found.low, found.high, matters).name
    for (less, weaker), (more, stronger) in product(verdicts.items(), repeat=2):
        if all(a <= b for a, b in zip(less, more, strict=True)):
            assert RANK[weaker] <= RANK[stronger], (less, more)
    assert set(verdicts.values()) == {"undecided", "supported"}


def test_one_value_has_no_order(tmp_path):
    with pytest.raises(ValueError, match=r"1 value\(s\) of gamma have no order"):
        ordered(tmp_path, {(0, 0): (3, 1, 2)}, where={"gamma": [1]})
