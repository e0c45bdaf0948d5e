"""Two rows of a study, beside the table's own difference to its reference."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from eval import compare_rows
from eval.statistics import paired_difference
from programs.errors import UserError
from programs.provenance import ROOT


def lines(row, seed, suite, correct, protocol="avg@4", **more):
    return [
        {"row": row, "seed": seed, "suite": suite, "protocol": protocol, "problem": f"p{i}", "samples": 4}
        | {"correct": right, "wrong": 4 - right, "suite_version": "1", **more}
        for i, right in enumerate(correct)
    ]


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """Rows A and B with two seeds, C with one; two suites, and a panel of games."""
    draw, made = np.random.default_rng(0), []
    for row, seeds, rate in (("A", 2, 0.7), ("B", 2, 0.4), ("C", 1, 0.5)):
        for seed in range(seeds):
            for suite, problems in (("easy", 8), ("hard", 5)):
                made += lines(row, seed, suite, draw.binomial(4, rate, problems))
            made += lines(row, seed, "rooms", draw.binomial(4, rate, 6), "react", turns=9.0)
    path = tmp_path_factory.mktemp("study") / "scores.csv"
    pd.DataFrame(made).to_csv(path, index=False)
    return path


def matrix(scores, row, suites):
    frame = pd.read_csv(scores)
    frame = frame[(frame.row == row) & frame.suite.isin(suites)]
    wide = frame.assign(value=25.0 * frame.correct).pivot(
        index="seed", columns=["suite", "problem"], values="value"
    )
    return wide.to_numpy(), wide.columns.get_level_values("suite").to_numpy()


@pytest.mark.parametrize("against", ["B", "C"])
def test_differences_are_paired_by_problem_and_seed(scores, against):
    found = compare_rows.build(*(compare_rows.row_of(scores, row) for row in ("A", against)))
    assert list(found.column) == ["easy", "hard", "average", "rooms"]
    for line in found.itertuples():
        suites = ["easy", "hard"] if line.column == "average" else [line.column]
        (a, strata), (b, _) = matrix(scores, "A", suites), matrix(scores, against, suites)
        expected = paired_difference(a, b, strata, bounds=(-100, 100))
        assert (line.mean, line.low, line.high) == pytest.approx((expected.mean, expected.low, expected.high))
        means = [np.mean([one[:, strata == suite].mean() for suite in suites]) for one in (a, b)]
        assert (line.a, line.b) == pytest.approx(means)
        assert line.mean == pytest.approx(line.a - line.b)


def test_rows_that_cannot_be_compared_are_named(scores, tmp_path):
    with pytest.raises(UserError, match="has no row 'D'; it has 'A', 'B', 'C'"):
        compare_rows.row_of(scores, "D")
    frame = pd.read_csv(scores, dtype={"suite_version": str})
    first = compare_rows.row_of(scores, "A")
    with pytest.raises(UserError, match="A and B were asked other problems of easy, hard under"):
        compare_rows.build(first, frame[(frame.row == "B") & (frame.problem != "p3")])
    with pytest.raises(UserError, match="B has no answers under avg@4"):
        compare_rows.build(first, frame[(frame.row == "B") & (frame.protocol != "avg@4")])
    with pytest.raises(ValueError, match="seed"):
        compare_rows.build(first, frame[(frame.row == "B")].assign(seed=frame.seed + 7))


@pytest.mark.parametrize("suite", ["hard", "rooms"])
@pytest.mark.parametrize("changed", [{"problem": "p9"}, {"suite_version": "2"}])
def test_as_many_problems_that_are_others_are_no_pairs(scores, suite, changed):
    first, second = (compare_rows.row_of(scores, row) for row in "AB")
    there = (second.suite == suite) & (second.problem == "p1")
    second.loc[there, list(changed)] = list(changed.values())
    with pytest.raises(UserError, match=f"A and B were asked other problems of {suite} under"):
        compare_rows.build(first, second)


def test_a_game_that_one_row_could_not_finish_is_left_out(scores):
    first, second = (compare_rows.row_of(scores, row) for row in "AB")
    second.loc[(second.suite == "rooms") & (second.problem == "p1"), ["correct", "wrong"]] = 0
    assert list(compare_rows.build(first, second).problems) == [8, 5, 13, 5]


def test_the_program_prints_a_line_each(scores):
    command = [
        sys.executable,
        "-m",
        "eval.compare_rows",
        str(scores),
        "A",
        "B",
        "--against-scores",
        str(scores),
    ]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    rows = [line.split("|") for line in printed.splitlines() if line.startswith("| avg@4") or "react" in line]
    assert [row[2].strip() for row in rows] == ["easy", "hard", "average", "rooms"]
    assert all(row[7].strip()[0] in "+-" for row in rows)
