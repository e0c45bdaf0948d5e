"""Compare two runs on the same problems.

    python -m eval.compare A B

A and B are graded responses of one run each: a JSON Lines file that `python -m eval.grade responses`
wrote, or a folder of such files, one per suite. Prints one line per protocol and suite, and one for the
mean of the suites. For example, after

    python -m eval.grade responses lsm.jsonl graded/lsm/math500.jsonl --suite math500
    python -m eval.grade responses sampled.jsonl graded/sampled/math500.jsonl --suite math500

this prints the comparison and keeps its numbers:

    python -m eval.compare graded/lsm graded/sampled --out comparison.csv

Read a line from left to right. A and B are avg@k in per cent with two standard errors: for new problems
and, in parentheses, for new samples of these problems. A - B comes with its 95 % interval. p is the
chance of a difference this large between runs that are alike, p Holm the same adjusted for the number of
lines. MDD is the true difference that these problems and samples would reveal in 80 % of cases: where
A - B is smaller, "not significant" does not mean "equal".
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from eval.graded import PROMPT, SETTINGS, read
from eval.report.render import p_text, points_text
from eval.statistics import avg_at_k, compare, holm, mcnemar_p
from programs.command_line import launch
from programs.errors import UserError

POOLED = "mean of suites"


def main(a: Path, b: Path, suites: list[str] | None, out: Path | None) -> None:
    """Print the table and its footnotes; write the numbers to `out` if given."""
    first, second = read(a, suites), read(b, suites)
    table = build(first, second)
    print(f"A: {a}\nB: {b}\n")
    print(render(table).to_markdown(index=False, disable_numparse=True), end="\n\n")
    print("\n".join(f"- {note}" for note in footnotes(first, second)))
    if out is not None:
        table.to_csv(out, index=False)


def build(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The numbers: a line per protocol and suite, and per protocol; scores are shares between 0 and 1.

    UserError where the runs share no protocol or differ in their problems.
    """
    lines = []
    for protocol in shared_protocols(first, second):
        a, b = paired(*(run[run.protocol == protocol] for run in (first, second)))
        suites = a.suite.unique()
        lines += [line(protocol, suite, a[a.suite == suite], b[b.suite == suite]) for suite in suites]
        if len(suites) > 1:
            lines.append(line(protocol, POOLED, a, b))
    table = pd.DataFrame(lines)
    table["p_holm"] = holm(table.p)
    return table


def shared_protocols(first: pd.DataFrame, second: pd.DataFrame) -> list[str]:
    """The protocols of both runs, in A's order."""
    of_a, of_b = (list(run.protocol.unique()) for run in (first, second))
    if shared := [protocol for protocol in of_a if protocol in of_b]:
        return shared
    raise UserError(
        f"A was sampled under {', '.join(of_a)} and B under {', '.join(of_b)}: "
        "generate one of them again under the protocol of the other"
    )


def paired(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both runs of one protocol in the same order of problems."""
    a, b = (run.set_index(["suite", "problem"]).sort_index() for run in (first, second))
    for name, missing in (("A", b.index.difference(a.index)), ("B", a.index.difference(b.index))):
        if len(missing):
            shown = ", ".join(f"{problem} of {suite}" for suite, problem in missing[:3])
            raise UserError(
                f"under {a.protocol.iloc[0]}, {name} lacks {len(missing)} problem(s) of the other run: "
                f"{shown}{', ...' if len(missing) > 3 else ''}. A paired comparison needs the same problems: "
                "generate and grade these, or name the suites to compare with --suites"
            )
    counts = a.groupby(level="suite").size()
    if (counts < 2).any():
        raise UserError(f"{counts.idxmin()} has 1 problem, an interval needs 2; leave it out of --suites")
    return a.reset_index(), b.reset_index()


def line(protocol: str, suite: str, a: pd.DataFrame, b: pd.DataFrame) -> dict:
    """One comparison of two runs on the same problems, of one suite or of all."""
    strata = a.suite.to_numpy() if suite == POOLED else None
    averages = [avg_at_k(run.correct, run.samples, strata) for run in (a, b)]
    first, second = ((run.correct / run.samples).to_numpy() for run in (a, b))
    single = strata is None and a.samples.max() == b.samples.max() == 1
    numbers = {"protocol": protocol, "suite": suite, "problems": len(a)}
    for name, run, average in zip("ab", (a, b), averages, strict=True):
        numbers[f"k_{name}"] = "/".join(map(str, sorted(run.samples.unique())))
        numbers |= {f"{key}_{name}": value for key, value in vars(average).items()}
        for verdict in ("truncated", "ungraded"):
            numbers[f"{verdict}_{name}"] = run[verdict].sum() / run.samples.sum()
    numbers |= vars(compare(first, second, strata))
    return numbers | {"p_mcnemar": mcnemar_p(first, second) if single else np.nan}


def render(table: pd.DataFrame) -> pd.DataFrame:
    """The table as people read it: percentages as strings, McNemar's p only where there is one."""
    lines = [
        {
            "protocol": row.protocol,
            "suite": row.suite,
            "N": str(row.problems),
            "k": row.k_a if row.k_a == row.k_b else f"{row.k_a}, {row.k_b}",
            "A ± SE (samples)": _average(row.mean_a, row.clustered_error_a, row.resampling_error_a),
            "B ± SE (samples)": _average(row.mean_b, row.clustered_error_b, row.resampling_error_b),
            "A - B [95 %]": f"{100 * row.difference:+z.1f} [{100 * row.low:+z.1f}, {100 * row.high:+z.1f}]",
            "MDD": points_text(100 * row.detectable),
            "p": p_text(row.p),
            "p Holm": p_text(row.p_holm),
            "p McNemar": p_text(row.p_mcnemar),
            "truncated": f"{100 * row.truncated_a:.1f}, {100 * row.truncated_b:.1f}",
            "ungraded": f"{100 * row.ungraded_a:.1f}, {100 * row.ungraded_b:.1f}",
        }
        for row in table.itertuples()
    ]
    cells = pd.DataFrame(lines)
    return cells.drop(columns="p McNemar") if table.p_mcnemar.isna().all() else cells


def _average(mean: float, clustered: float, resampling: float) -> str:
    return f"{100 * mean:.1f} ± {100 * clustered:.1f} ({points_text(100 * resampling)})"


def footnotes(first: pd.DataFrame, second: pd.DataFrame) -> list[str]:
    """What the columns mean, which protocols were left out, and where sampling differs."""
    notes = [
        "A, B: avg@k in per cent ± standard error clustered by problem (standard error over new samples of "
        "the same problems). Suites weigh equally in their mean. Truncated and ungraded samples are not "
        "correct; their percentages of all samples are given for A and B.",
        "A - B: paired by problem, 95 % interval for new problems and samples of these two models. It says "
        "nothing of other training seeds.",
        "p: two-sided sign-flip permutation test over problems; p Holm: adjusted for all lines; "
        "p McNemar: exact, where k = 1.",
        "MDD: the true difference that a comparison like this detects with 80 % power.",
    ]
    for name, run, other in (("A", first, second), ("B", second, first)):
        alone = [p for p in run.protocol.unique() if p not in set(other.protocol)]
        if alone:
            notes.append(f"Only {name} has {', '.join(alone)}: not compared.")
    return notes + sampling_notes(first, second) + prompt_notes(first, second)


def sampling_notes(first: pd.DataFrame, second: pd.DataFrame) -> list[str]:
    """A sentence per protocol under which A and B say that they were sampled differently."""
    notes = []
    for protocol in shared_protocols(first, second):
        a, b = (_settings(run[run.protocol == protocol]) for run in (first, second))
        if apart := [name for name in SETTINGS if a[name] and b[name] and a[name] != b[name]]:
            of_a, of_b = (", ".join(f"{name} {run[name]}" for name in apart) for run in (a, b))
            notes.append(f"Under {protocol} A was sampled at {of_a}, B at {of_b}: A - B measures that, too.")
    return notes


def prompt_notes(first: pd.DataFrame, second: pd.DataFrame) -> list[str]:
    """A sentence if A and B say that they were asked in other words."""
    a, b = ({str(prompt) for prompt in run[PROMPT].dropna()} for run in (first, second))
    if a == b:
        return []
    asked = (" and ".join(map(repr, sorted(prompts))) or "the questions" for prompts in (a, b))
    return ["A was asked {}, B {}: A - B measures that, too.".format(*asked)]


def _settings(run: pd.DataFrame) -> dict[str, str]:
    """The values of each setting in words, "" where the run does not say."""
    return {name: " and ".join(f"{x:g}" for x in sorted(run[name].dropna().unique())) for name in SETTINGS}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m eval.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("a", metavar="A", type=Path, help="graded responses of a run: a file or a folder")
    parser.add_argument("b", metavar="B", type=Path, help="graded responses of the run to subtract")
    parser.add_argument("--suites", nargs="+", metavar="SUITE", help="compare these only (default: all)")
    parser.add_argument("--out", type=Path, metavar="CSV", help="also write the numbers to this file")
    launch(main, *vars(parser.parse_args()).values())
