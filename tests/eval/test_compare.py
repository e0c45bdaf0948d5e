"""The comparison of two runs whose every answer is known."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from eval import compare
from eval.graded import read
from programs.errors import UserError

VERDICT = {"c": "correct", "w": "wrong", "t": "truncated", "u": "ungraded"}
# Verdicts of the samples of each problem, by run and suite.
A = {"easy": ["cccc", "ccwc", "wwcc"], "hard": ["wwww", "ctwc", "cwtu", "cccc"]}
B = {"easy": ["cwcc", "cwwc", "wwww"], "hard": ["wwww", "wwww", "cwww", "cccw"]}


def records(run: dict[str, list[str]], protocol: str = "avg@4") -> list[dict]:
    return [
        {"suite": suite, "problem": f"p{i}", "protocol": protocol, "sample": j, "verdict": VERDICT[v]}
        for suite, problems in run.items()
        for i, verdicts in enumerate(problems)
        for j, v in enumerate(verdicts)
    ]


def write(path: Path, lines: list[dict]) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def runs(tmp_path):
    return write(tmp_path / "a.jsonl", records(A)), write(tmp_path / "b.jsonl", records(B))


def test_counts_are_those_of_each_problem(runs):
    counts = read(runs[0]).set_index(["suite", "problem"])
    assert counts.samples.eq(4).all()
    assert counts.loc[("easy", "p1"), "correct"] == 3
    assert counts.loc[("hard", "p2"), ["correct", "wrong", "truncated", "ungraded"]].tolist() == [1, 1, 1, 1]


def test_lines_of_a_comparison(runs):
    table = compare.build(*map(read, runs)).set_index("suite")
    assert list(table.index) == ["easy", "hard", compare.POOLED]
    assert table.problems.tolist() == [3, 4, 7]
    easy, pooled = table.loc["easy"], table.loc[compare.POOLED]
    differences = np.array([1 - 0.75, 0.75 - 0.5, 0.5])
    assert (easy.mean_a, easy.mean_b) == pytest.approx((9 / 12, 5 / 12))
    expected = stats.ttest_1samp(differences, 0).confidence_interval()
    assert (easy.difference, easy.low, easy.high) == pytest.approx((1 / 3, expected.low, expected.high))
    assert easy.p == pytest.approx(2 / 8)
    power = TTestPower().power(easy.detectable / differences.std(ddof=1), 3, 0.05)
    assert power == pytest.approx(0.8)
    assert pooled.difference == pytest.approx((table.difference.iloc[0] + table.difference.iloc[1]) / 2)
    assert (pooled.truncated_a, pooled.ungraded_a) == pytest.approx((2 / 28, 1 / 28))
    assert pooled.truncated_b == 0
    assert table.p_holm.tolist() == pytest.approx(multipletests(table.p, method="holm")[1])
    assert table.p_mcnemar.isna().all()


def test_order_of_lines_and_files_does_not_matter(runs, tmp_path):
    expected = compare.build(*map(read, runs))
    shuffled = np.random.default_rng(0).permutation(records(A)).tolist()
    for suite in A:
        write(tmp_path / f"folder/{suite}.jsonl", [line for line in shuffled if line["suite"] == suite])
    pd.testing.assert_frame_equal(compare.build(read(tmp_path / "folder"), read(runs[1])), expected)


def test_one_sample_has_mcnemars_p(tmp_path):
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 50)) < [[0.8], [0.5]]
    paths = [
        write(tmp_path / name, records({"s": ["c" if right else "w" for right in run]}, "greedy"))
        for name, run in (("a", first), ("b", second))
    ]
    line = compare.build(*map(read, paths)).iloc[0]
    table = [[0, (first & ~second).sum()], [(~first & second).sum(), 0]]
    assert line.p_mcnemar == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert line.p_mcnemar == pytest.approx(line.p)


def test_printed_table_and_numbers(runs, tmp_path, capsys):
    compare.main(*runs, None, tmp_path / "out.csv")
    printed = capsys.readouterr().out
    table = pd.read_csv(tmp_path / "out.csv").set_index("suite")
    row = next(line for line in printed.splitlines() if line.startswith("| avg@4      | easy"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    easy = table.loc["easy"]
    error = 100 * np.std([1, 0.75, 0.5], ddof=1) / 3**0.5
    samples = 100 * ((0.75 * 0.25 + 0.25) / 3) ** 0.5 / 3
    assert cells[2:5] == ["3", "4", f"75.0 ± {error:.1f} ({samples:.1f})"]
    assert cells[6:] == [
        f"+33.3 [{100 * easy.low:+.1f}, {100 * easy.high:+.1f}]",
        f"{100 * easy.detectable:.1f}",
        "0.250",
        f"{easy.p_holm:.3f}",
        "0.0, 0.0",
        "0.0, 0.0",
    ]
    assert "McNemar" not in row
    assert printed.count("\n- ") == 4


def test_every_shared_protocol_is_compared_and_others_are_named(tmp_path, capsys):
    first = write(tmp_path / "a", records(A) + records(A, "other"))
    second = write(tmp_path / "b", records(B))
    compare.main(first, second, ["easy"], None)
    printed = capsys.readouterr().out
    assert printed.count("| avg@4 ") == 1
    assert "Only A has other: not compared." in printed
    with pytest.raises(ValueError, match="A was sampled under avg@4 and B under other"):
        compare.build(read(second), read(write(tmp_path / "c", records(B, "other"))))


def test_runs_asked_differently_are_told_apart(tmp_path, capsys):
    asked = [line | {"prompt": "hint {answer} ; {question}"} for line in records(A)]
    files = write(tmp_path / "a.jsonl", asked), write(tmp_path / "b.jsonl", records(B))
    note = "A was asked 'hint {answer} ; {question}', B the questions: A - B measures that, too."
    assert compare.prompt_notes(*map(read, files)) == [note]
    assert compare.prompt_notes(*map(read, (files[0], files[0]))) == []
    assert note in compare.footnotes(*map(read, files))


def test_runs_sampled_differently_are_told_apart(tmp_path, capsys):
    """Per protocol, and only where both say; a suite may have settings of its own."""
    settings = {"temperature": 1, "top_p": 0.9, "max_new_tokens": 2048}
    other = {"temperature": 0.6, "top_p": 0.9, "max_new_tokens": 16384}
    first = [line | settings for line in records(A)] + records(A, "other")
    second = [line | (other if line["suite"] == "hard" else settings) for line in records(B)]
    paths = write(tmp_path / "a", first), write(tmp_path / "b", second + records(B, "other"))
    compare.main(*paths, None, None)
    (note,) = [line for line in capsys.readouterr().out.splitlines() if "was sampled" in line]
    assert note == (
        "- Under avg@4 A was sampled at temperature 1, max_new_tokens 2048, B at temperature 0.6 and 1, "
        "max_new_tokens 2048 and 16384: A - B measures that, too."
    )


def test_other_problems_are_refused_by_name(runs, tmp_path):
    fewer = write(tmp_path / "fewer", records({"easy": B["easy"][:1], "hard": B["hard"]}))
    with pytest.raises(ValueError, match=r"B lacks 2 problem\(s\) .*: p1 of easy, p2 of easy\. .*--suites"):
        compare.build(read(runs[0]), read(fewer))
    with pytest.raises(ValueError, match="A lacks 2"):
        compare.build(read(fewer), read(runs[0]))
    kept = compare.build(read(runs[0], ["hard"]), read(fewer, ["hard"]))
    assert kept.suite.tolist() == ["hard"]
    with pytest.raises(UserError, match="easy has 1 problem, an interval needs 2"):
        compare.build(read(fewer), read(fewer))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines + lines[:1], "sample 0 of problem p0 of easy twice"),
        (lambda lines: lines[1:], "3 to 4 samples per problem of easy"),
        (lambda lines: [{**lines[0], "verdict": "fine"}], "unknown verdicts"),
        (lambda lines: [{"suite": "easy"}], "line 1 has no protocol, problem, sample, verdict"),
        (lambda lines: [], "holds no graded responses"),
    ],
)
def test_files_that_cannot_be_trusted_are_refused(tmp_path, change, message):
    path = write(tmp_path / "run", change(records(A)))
    with pytest.raises(UserError, match=message):
        read(path)


def test_a_line_that_is_no_json_is_named(runs):
    with runs[0].open("a") as file:
        file.write('{"suite": "ea\n')
    with pytest.raises(UserError, match=r"a\.jsonl, line 29 is no JSON"):
        read(runs[0])


def test_unknown_suites_are_refused(runs):
    with pytest.raises(ValueError, match="holds nothing of math500"):
        read(runs[0], ["easy", "math500"])


def test_command_line(runs, tmp_path):
    program = [sys.executable, "-m", "eval.compare"]
    given = subprocess.run([*program, *runs], capture_output=True, text=True, check=True)
    assert given.stdout.startswith(f"A: {runs[0]}\nB: {runs[1]}\n\n| protocol")
    broken = subprocess.run(
        [*program, runs[0], tmp_path / "none"], capture_output=True, text=True, check=False
    )
    assert broken.returncode == 1
    assert broken.stderr == f"[Errno 2] No such file or directory: '{tmp_path / 'none'}'\n"
