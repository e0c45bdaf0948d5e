"""The table from a long table whose every mean is known."""

import itertools
import json
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from eval.report import tables
from eval.report.render import with_interval
from eval.spec import TableSpec
from programs.errors import UserError
from tests.eval.alfworld.study import long_table
from tests.eval.report.specs import SPEC
from tests.opd.specs import distill_spec

SUITES = ("easy", "hard")
# Correct answers of 2 samples, by (row, seed, suite, problem).
CORRECT = {
    ("base", 0): ((2, 2, 0), (0, 0, 0)),
    ("base", 1): ((2, 1, 0), (0, 1, 0)),
    ("better", 0): ((2, 2, 2), (1, 1, 0)),
    ("better", 1): ((2, 2, 1), (1, 2, 0)),
    ("model", 0): ((2, 0, 0), (0, 0, 0)),
}


@pytest.fixture
def frame() -> pd.DataFrame:
    rows = []
    for (row, seed), suites in CORRECT.items():
        for suite, counts in zip(SUITES, suites, strict=True):
            for problem, correct in enumerate(counts):
                truncated = int(correct == 0)
                rows.append(
                    {
                        "row": row,
                        "seed": seed,
                        "suite": suite,
                        "protocol": "avg@2",
                        "problem": f"{suite}/{problem}",
                        "samples": 2,
                        "correct": correct,
                        "wrong": 2 - correct - truncated,
                        "truncated": truncated,
                        "ungraded": 0,
                        "strict": correct,
                        "lenient": correct,
                        "majority": correct / 2,
                        "suite_version": "1",
                        "suite_status": "unverified" if suite == "hard" else "verified",
                        "mean_tokens": 10,
                    }
                )
    return pd.DataFrame(rows)


def cell(table, row, column):
    return table[(table.row == row) & (table.column == column)].iloc[0]


def test_means_spreads_and_counts(frame):
    table = tables.build(SPEC, frame)
    easy = cell(table, "base", "easy")
    assert easy["mean"] == pytest.approx(100 * (4 / 6 + 3 / 6) / 2)
    assert easy.seed_spread == pytest.approx(100 * (1 / 6) / 2**0.5)
    assert (easy.seeds, easy.problems) == (2, 3)
    assert cell(table, "better", "average")["mean"] == pytest.approx(100 * (6 + 5 + 2 + 3) / 24)
    assert cell(table, "model", "average").seeds == 1


def test_difference_is_paired_with_the_reference(frame):
    table = tables.build(SPEC, frame)
    difference = cell(table, "better", "difference")
    assert difference["mean"] == pytest.approx(100 * (16 - 8) / 24)
    assert difference.low < difference["mean"] < difference.high
    assert not len(table[(table.row == "base") & (table.column == "difference")])


def with_pairs(**against):
    """The table's spec with rows that name what they are compared with."""
    rows = tuple(row.model_copy(update={"against": against.get(row.row)}) for row in SPEC.rows)
    return SPEC.model_copy(update={"rows": rows})


def test_a_row_is_compared_with_the_one_that_it_names(frame):
    """The better row against the model, the model against none; Holm's family is what is compared."""
    spec = with_pairs(better="model", model="model")
    table = tables.build(spec, frame)
    compared = table[table.column == "difference"].set_index("row")
    assert list(compared.index) == ["better"]
    means = table[table.column == "average"].set_index("row")["mean"]
    assert compared["mean"].better == pytest.approx(means.better - means.model)
    assert compared.p_holm.better == compared.p.better


def test_a_table_of_several_references_says_which(frame, tmp_path):
    frame.to_csv(tmp_path / "scores.csv", index=False)
    spec = with_pairs(better="model")
    tables.main(spec, tmp_path / "scores.csv", Path("results/paper_reference.csv"), tmp_path)
    text = (tmp_path / "table.md").read_text()
    header, _, *lines = ([part.strip() for part in line.split("|")[1:-1]] for line in text.splitlines()[2:7])
    shown = [dict(zip(header, line, strict=True)) for line in lines]
    assert [row["reference"] for row in shown] == ["Base", "-", "The model"]
    assert shown[1]["vs. reference [95 %]"] == "reference"
    assert "reference: the row that each row names." in text
    assert "adjusted for the 2 row(s) compared" in text


def test_every_difference_has_its_p_values_and_what_could_be_detected(frame):
    table = tables.build(SPEC, frame)
    found = table[table.column == "difference"].set_index("row")
    better = found.loc["better"]
    of_problems, of_seeds = (stats.t.isf(better.p / 2, n) ** 2 for n in (better.problem_freedom, 1))
    added = of_seeds * better.seed_spread**2 / 2 - of_problems * better.rest_error**2
    assert of_problems * better.problem_error**2 + max(0, added) == pytest.approx(better["mean"] ** 2)
    assert (better.p < 0.05) == (better.low > 0)
    # With seeds averaged it gains 0, 0.5, 1.5 and 1, 1, 0 of 2 samples: of the 2^4 signs of what is not
    # zero, all positive and all negative are as far from zero.
    assert better.p_permutation == pytest.approx(2 / 2**4)
    shifted = stats.nct(better.freedom, better.detectable / better.standard_error)
    critical = stats.t.ppf(0.975, better.freedom)
    assert shifted.sf(critical) + shifted.cdf(-critical) == pytest.approx(0.8)
    assert better.detectable > (better.high - better.low) / 2
    assert found.p_holm.to_dict() == pytest.approx(
        dict(zip(found.index, multipletests(found.p, method="holm")[1], strict=True))
    )
    assert table[table.column != "difference"].p_holm.isna().all()


def test_seeds_that_agree_by_chance_are_named(frame):
    table, rates = tables.build(SPEC, frame), tables.rates(SPEC, frame)
    differences = table.column == "difference"
    for alike in (True, False):
        table.loc[differences, "seeds_alike"] = (table.row == "better") & alike
        text = tables.render(SPEC, table, rates, {"Avg": {}}, "code", [])["md"]
        assert ("Seeds agree more closely" in text) == alike
        assert ("in the difference of Better: the interval" in text) == alike


def test_errors_of_new_samples(frame):
    """Base on easy: shares 1, 1, 0 and 1, 0.5, 0 of 2 samples."""
    table = tables.build(SPEC, frame)
    assert cell(table, "base", "easy").resampling_error == pytest.approx(100 * (0.25 / 1) ** 0.5 / 3 / 2)
    both = ((0.25**0.5 / 6) ** 2 * 2) ** 0.5 / 2
    assert cell(table, "base", "average").resampling_error == pytest.approx(100 * both)


def test_rows_that_solve_nothing_are_not_certain_to(frame):
    frame.loc[frame.row != "better", ["correct", "majority"]] = 0
    table = tables.build(SPEC, frame)
    of_one, bound = (100 * (1 - 0.05 ** (1 / problems)) for problems in (3, 6))  # a suite, both together
    for column, high in {"easy": of_one, "average": bound, "pass@2": bound, "maj@2": bound}.items():
        found = cell(table, "base", column)
        assert (found["mean"], found.low, found.high) == pytest.approx((0, 0, high))
    same = cell(table, "model", "difference")
    assert (same["mean"], same.low, same.high) == pytest.approx((0, -bound, bound))
    assert same.p == same.p_permutation == 1
    assert pd.isna(same.detectable)
    text = tables.render(SPEC, table, tables.rates(SPEC, frame), {"Avg": {}}, "code", [])["md"]
    assert f"0.0 ± 0.0 [0.0, {bound:.1f}]" in text


def test_intervals_stay_in_percent(frame):
    table = tables.build(SPEC, frame).dropna(subset=["low"])
    scores = table[table.column != "difference"]
    assert scores.low.min() == 0
    assert scores.high.max() == 100
    assert table.low.min() >= -100
    assert table.high.max() <= 100


def test_pass_and_majority_are_averages_over_suites(frame):
    table = tables.build(SPEC, frame)
    # Of the six problems base solves 2 and 0 (seed 0), 2 and 1 (seed 1) at least once.
    assert cell(table, "base", "pass@2")["mean"] == pytest.approx(100 * (2 / 3 + 0 / 3 + 2 / 3 + 1 / 3) / 4)
    assert cell(table, "base", "maj@2")["mean"] == pytest.approx(cell(table, "base", "average")["mean"])


def test_the_clean_subset_leaves_out_what_training_holds(frame, tmp_path):
    report = tmp_path / "contamination.json"
    report.write_text(json.dumps({"suites": {"easy": {"contaminated": [{"id": "easy/2"}]}}}))
    spec = SPEC.model_copy(update={"contamination": str(report)})
    table = tables.build(spec, frame)
    clean = cell(table, "better", "clean subset")
    assert clean["mean"] == pytest.approx(100 * ((4 / 4 + 4 / 4) / 2 + (2 / 6 + 3 / 6) / 2) / 2)
    assert clean.problems == 5
    texts = tables.render(spec, table, tables.rates(spec, frame), {"Avg": {}}, "code", [])
    assert "clean subset" in texts["md"]
    assert "that the training prompts hold or resemble" in texts["md"]
    for left in (1, 0):
        seen = [{"id": f"easy/{problem}"} for problem in range(left, 3)]
        report.write_text(json.dumps({"suites": {"easy": {"contaminated": seen}}}))
        with pytest.raises(UserError, match=f"holds all problems of easy but {left}"):
            tables.build(spec, frame)


def test_a_problem_without_an_answer_is_refused(frame):
    with pytest.raises(ValueError, match="not answered by every seed"):
        tables.build(SPEC, frame.drop(frame.index[0]))


def test_renderings_agree_and_name_what_is_missing(frame, tmp_path):
    frame.to_csv(tmp_path / "scores.csv", index=False)
    paper = tmp_path / "paper.csv"
    paper.write_text("paper,table,row,column,value\np,Table 1,Ours w/o mask,Avg,41.7\n")
    manifest = tmp_path / "run.json"
    trained = distill_spec()
    made = {"spec": trained.model_dump(), "commit": "abc", "source_sha256": "123"}
    manifest.write_text(json.dumps(made))
    spec = SPEC.model_copy(update={"runs": {str(manifest): trained.recipe_sha256()}})
    tables.main(spec, tmp_path / "scores.csv", paper, tmp_path / "out")
    texts = {suffix: (tmp_path / f"out/table.{suffix}").read_text() for suffix in ("md", "html", "tex")}
    for text in texts.values():
        assert "58.3 ± 11.8" in text  # base on easy
        assert "41.7" in text
        assert "Rebuild: snakemake table" in text
        assert "Trained with abc (source 123); rendered with" in text
        assert "No counterpart in the paper: The model; Base." in text
        assert "reference: Base" in text
        assert "finds in 80" in text
        assert "adjusted for the 2 row(s) compared" in text
    assert texts["md"].count("\n| ") == 4
    better = cell(pd.read_csv(tmp_path / "out/table.csv"), "better", "difference")
    row = next(line for line in texts["md"].splitlines() if line.startswith("| Better"))
    compared = [part.strip() for part in row.split("|")][6:9]
    interval = f"[{better.low:+.1f}, {better.high:+.1f}]"
    assert compared == [
        f"+33.3 ± {better.seed_spread:.1f} {interval}",
        f"{better.detectable:.1f}",
        f"{better.p_holm:.3f}",
    ]
    lines = (tmp_path / "out/table.csv").read_text().splitlines()
    assert len(lines) == 1 + 3 * 5 + 2
    assert "Suites: easy (version 1, verified); hard (version 1, unverified)." in texts["md"]


def test_a_note_is_read_as_it_was_written(frame):
    spec = SPEC.model_copy(update={"title": "K < 8", "notes": ("without <think> & co",)})
    table, rates = tables.build(SPEC, frame), tables.rates(SPEC, frame)
    html = tables.render(spec, table, rates, {"Avg": {}}, "code", [])["html"]
    assert html.count("K &lt; 8") == 2
    assert "<p>without &lt;think&gt; &amp; co</p>" in html


def test_variants_of_the_rules_are_shown_where_they_differ(frame):
    frame.loc[frame.row == "better", "strict"] -= (frame.row == "better") & (frame.correct == 2)
    table, rates = tables.build(SPEC, frame), tables.rates(SPEC, frame)
    text = tables.render(SPEC, table, rates, {"Avg": {}}, "code", [])["md"]
    header, *lines = [[part.strip() for part in x.split("|")] for x in text.splitlines() if x.startswith("|")]
    assert "lenient" not in header
    column = header.index("strict")
    # 6 of better's 24 samples are second of two correct ones.
    assert [line[column] for line in lines[1:]] == ["+0.0", "+0.0", "-25.0"]
    assert "points by which strict conventions" in text


@pytest.fixture
def with_some() -> TableSpec:
    """The spec with a protocol before the table's own that asks the hard suite alone."""
    (whole,) = SPEC.evaluation.protocols
    some = whole.model_copy(update={"name": "avg@32", "samples": 32, "suites": ("hard",)})
    asked = {"suites": SUITES, "protocols": (some, whole)}  # made-up suites, which a config could not name
    return SPEC.model_copy(update={"evaluation": SPEC.evaluation.model_copy(update=asked)})


def test_a_protocol_of_some_suites_stands_beside_the_paper_s_value(frame, with_some):
    again = frame[frame.suite == "hard"].assign(protocol="avg@32", samples=32)
    table = tables.build(with_some, pd.concat([frame, again]))
    assert set(table[table.protocol == "avg@32"].column) == {
        *("hard", "average", "pass@32", "maj@32", "difference")
    }
    paper = {"Avg": {"Ours w/o mask": 23.6}}
    text = tables.render(with_some, table, tables.rates(with_some, frame), paper, "code", [])["md"]
    header, _, *lines = (
        [part.strip() for part in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")
    )
    assert header[:5] == ["method", "seeds", "easy", "hard", "average [95 %]"]
    assert header[-2:] == ["hard avg@32 [95 %]", "paper Avg (7B, other scale)"]
    better = table[(table.row == "better") & (table.protocol == "avg@32")].set_index("column").loc["hard"]
    assert better["mean"] == pytest.approx(100 * (2 + 3) / 2 / 96)
    assert lines[2][-2].startswith(f"{better['mean']:.1f} ± ")
    assert lines[2][-1] == "23.6"
    assert "sample(s) per problem, at most 3 problems per suite, temperature 1" in text
    assert "hard avg@32: 32 sample(s) per problem, temperature 1, top-p 1, at most 9 tokens." in text


def rendered(spec, frame, paper=("Avg",)) -> tuple[dict[str, list[str]], str]:
    """Heading -> cells of the Markdown table, and its notes."""
    table, rates = tables.build(spec, frame), tables.rates(spec, frame)
    text = tables.render(spec, table, rates, {name: {} for name in paper}, "code", [])["md"]
    lines = [[part.strip() for part in x.split("|")[1:-1]] for x in text.splitlines() if x.startswith("|")]
    return dict(zip(lines[0], zip(*lines[2:], strict=True), strict=True)), text[text.index("\n- ") :]


def test_ungraded_samples_are_counted_and_not_correct(frame):
    """One of better's 24 samples, of suite hard with seed 0, made the grader fail."""
    cells, notes = rendered(SPEC, frame)
    assert "ungraded" not in cells
    assert "percentage of samples at the token cap, counted as not correct" in notes
    assert (tables.build(SPEC, frame).query("column == 'average'").ungraded == 0).all()
    failed = (frame.row == "better") & (frame.problem == "hard/0") & (frame.seed == 0)
    frame.loc[failed, ["wrong", "ungraded"]] = [0, 1]
    table = tables.build(SPEC, frame)
    assert [cell(table, "better", name).ungraded for name in ("easy", "hard", "average")] == pytest.approx(
        [0, 100 / 12, 100 / 24]
    )
    assert cell(table, "better", "average").truncated == pytest.approx(100 * 2 / 24)
    assert cell(table, "better", "hard")["mean"] == pytest.approx(100 * 5 / 12)
    cells, notes = rendered(SPEC, frame)
    assert cells["ungraded"] == ("0.0", "0.0", "4.2")
    assert "grader failed, which may be right or wrong; both are counted as not correct" in notes


def test_the_papers_numbers_say_whether_their_scale_is_the_tables(frame):
    cells, notes = rendered(SPEC, frame)
    assert "paper Avg (7B, other scale)" in cells
    assert "Table 1, Avg; 7B models, another scale, there for the ordering" in notes
    changes = {"paper_scale": True, "paper_columns": ("AIME24 avg@32",)}
    cells, notes = rendered(SPEC.model_copy(update=changes), frame, ["AIME24 avg@32"])
    assert "paper AIME24 avg@32" in cells
    assert "Table 1, AIME24 avg@32; the scale of this table" in notes
    assert "other scale" not in notes
    assert "another scale" not in notes


def test_no_zero_is_negative():
    cell = pd.Series({"mean": -0.04, "low": -0.03, "high": 0.12, "seed_spread": 0.0})
    assert with_interval(cell) == "0.0 ± 0.0 [0.0, 0.1]"
    assert with_interval(cell, "+") == "+0.0 ± 0.0 [+0.0, +0.1]"


# (won, lost, errors) of two episodes per game; base cannot finish g2 with seed 1.
GAMES = {
    ("model", 0): {"g1": (0, 2, 0), "g2": (0, 2, 0), "g3": (1, 1, 0)},
    ("base", 0): {"g1": (2, 0, 0), "g2": (1, 1, 0), "g3": (0, 2, 0)},
    ("base", 1): {"g1": (1, 1, 0), "g2": (0, 0, 2), "g3": (0, 2, 0)},
    ("better", 0): {"g1": (2, 0, 0), "g2": (2, 0, 0), "g3": (1, 1, 0)},
    ("better", 1): {"g1": (2, 0, 0), "g2": (2, 0, 0), "g3": (2, 0, 0)},
}
WITH_GAMES = SPEC.model_copy(
    update={
        "panels": ("unseen",),
        "paper_table": "Table 2",
        "paper_columns": ("ALFWorld", "Avg"),
        "notes": ("Table A2 is not run.",),
    }
)


def test_panels_change_nothing_of_the_suites(frame):
    alone, both = tables.build(SPEC, frame), pd.concat([frame, long_table(GAMES)], ignore_index=True)
    table = tables.build(WITH_GAMES, both)
    pd.testing.assert_frame_equal(table[: len(alone)][alone.columns], alone)
    added = table[len(alone) :].groupby("column").row.agg(list).to_dict()
    assert added == {"unseen": ["model", "base", "better"], "unseen difference": ["model", "better"]}
    pd.testing.assert_frame_equal(tables.rates(WITH_GAMES, both), tables.rates(SPEC, frame))
    assert cell(table, "base", "unseen")["mean"] == pytest.approx(100 * (1 + 0.5) / 4)
    assert cell(table, "better", "unseen difference")["mean"] == pytest.approx(100 * (4 + 3 - 2 - 1) / 8)


def test_renderings_with_a_panel(frame, tmp_path):
    pd.concat([frame, long_table(GAMES)]).to_csv(tmp_path / "scores.csv", index=False)
    tables.main(WITH_GAMES, tmp_path / "scores.csv", Path("results/paper_reference.csv"), tmp_path / "out")
    text = (tmp_path / "out/table.md").read_text()
    header, _, model, base, better = (
        [part.strip() for part in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")
    )
    assert header == [
        "method",
        "seeds",
        "ALFWorld unseen [95 %]",
        "easy",
        "hard",
        "average [95 %]",
        "ALFWorld unseen vs. reference [95 %]",
        "ALFWorld unseen MDD",
        "ALFWorld unseen p (Holm)",
        "average vs. reference [95 %]",
        "average MDD",
        "average p (Holm)",
        "truncated",
        "tokens",
        "unseen turns",
        "unseen invalid format",
        "unseen inadmissible",
        "paper ALFWorld (7B, other scale)",
        "paper Avg (7B, other scale)",
    ]
    lines = {"base": base, "better": better}
    shown = {name: dict(zip(header, line, strict=True)) for name, line in lines.items()}
    table = pd.read_csv(tmp_path / "out/table.csv")
    found, difference = cell(table, "base", "unseen"), cell(table, "better", "unseen difference")
    assert shown["base"]["ALFWorld unseen [95 %]"] == f"37.5 ± 17.7 [{found.low:.1f}, {found.high:.1f}]"
    assert shown["base"]["ALFWorld unseen vs. reference [95 %]"] == "reference"
    assert shown["base"]["average [95 %]"].startswith("33.3")
    assert shown["better"]["ALFWorld unseen vs. reference [95 %]"].startswith("+50.0 ±")
    assert shown["better"]["ALFWorld unseen MDD"] == f"{difference.detectable:.1f}"
    assert shown["better"]["average vs. reference [95 %]"].startswith("+33.3")
    assert [shown["base"][name] for name in header[-5:]] == ["2.0", "50.0", "0.0", "90.6", "34.8"]
    assert [shown["better"][name] for name in header[-2:]] == ["95.3", "41.7"]
    assert model[-2:] == ["-", "-"]
    for note in (
        "Suites: easy (version 1, verified); hard (version 1, unverified).",
        "3 games (generated, version 0123456789ab), protocol compact avg@2",
        "neither won nor lost: base 2.",
        "not comparable with the paper's",
        "Paper: arXiv 2603.25562, Table 2, ALFWorld, Avg; 7B models",
        "No counterpart in the paper: The model.",
        "- Table A2 is not run.",
    ):
        assert note in text


def test_a_row_that_did_not_play_is_named(frame):
    games = long_table(GAMES)
    both = pd.concat([frame, games[games.row != "model"]])
    with pytest.raises(ValueError, match="no episodes of model on unseen"):
        tables.build(WITH_GAMES, both)


def test_rows_of_other_seeds_are_refused(frame):
    frame.loc[(frame.row == "better") & (frame.seed == 1), "seed"] = 5
    with pytest.raises(ValueError, match=r"'base' has seeds \[0, 1\] and 'better' \[0, 5\]"):
        tables.build(SPEC, frame)


def test_a_table_of_models_as_they_are_names_no_code_of_training(frame):
    text = tables.render(SPEC, tables.build(SPEC, frame), tables.rates(SPEC, frame), {"Avg": {}}, "", [])
    assert "Trained" not in text["md"]
    assert "\n- Rendered with " in text["md"]


def test_every_paper_number_is_unique():
    paper = pd.read_csv("results/paper_reference.csv")
    assert not paper.duplicated(["paper", "table", "row", "column"]).any()
    # The printed averages are the means of their rows (tables 1 and 2 of the paper).
    suites = ["MATH-500", "AIME24", "AIME25", "Minerva", "OlympiadBench"]
    for table, rows in itertools.groupby(paper.itertuples(), key=lambda r: (r.table, r.row)):
        values = {r.column: r.value for r in rows}
        if "Avg" in values:
            assert values["Avg"] == pytest.approx(sum(values[s] for s in suites) / 5, abs=0.06), table
