"""Differences of scores, against the table of the same study."""

import numpy as np
import pandas as pd
import pytest

from eval.claims import score
from eval.claims.spec import ScoreComparison
from eval.report import tables
from tests.eval.alfworld.study import long_table
from tests.eval.claims.by_hand import ASKED, curves
from tests.eval.report.specs import SPEC


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


@pytest.fixture
def results(tmp_path):
    (tmp_path / "studies/s").mkdir(parents=True)
    scores().to_csv(tmp_path / "studies/s/scores.csv", index=False)
    return tmp_path


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


@pytest.mark.parametrize("panel", [None, "unseen"])
def test_an_interval_over_problems_alone_is_noted(results, panel):
    """Seeds that differ by less than their answers' noise: other problems solved, as many by each seed."""
    frame = scores()
    place = frame.groupby(["row", "seed", "suite"]).cumcount()
    better, base = 1 + (place + frame.seed) % 2, 1 - (place // 2 + frame.seed) % 2
    frame["correct"] = np.where(frame.row == "better", better, base)
    frame["wrong"] = 2 - frame.correct
    frame.to_csv(results / "studies/s/scores.csv", index=False)
    test = ScoreComparison(**ASKED, row="better", against="base", panel=panel)
    found = score.measure(test, "avg@2", results)
    table = tables.build(SPEC.model_copy(update={"reference_row": "base", "panels": ("unseen",)}), frame)
    cell = table[(table.row == "better") & (table.column == ("unseen difference" if panel else "difference"))]
    assert cell.seeds_alike.item()
    assert found.note == score.ALIKE


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
