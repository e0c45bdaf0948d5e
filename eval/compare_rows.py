"""Compare two rows of a study, over its problems and training seeds.

    python -m eval.compare_rows results/mini/studies/table_ablation/scores.csv A B

A and B are rows of the file, such as "LSM, top-p 0.9", as its table names them. Prints A - B in points for
every protocol, suite by suite and for their average, as the table states it for its reference row: the 95 %
interval is over new problems and new training seeds, paired by both. p is two-sided and, as the two rows
were picked by hand, not adjusted. MDD is the true difference that these problems and seeds would reveal in
80 % of cases. Games of ALFWorld have a line per panel. Rows of two files are compared with --against-scores.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from pandas.api.typing import DataFrameGroupBy

from eval.alfworld import columns
from eval.report.render import p_text, points_text
from eval.report.tables import AVERAGE, PERCENT, difference, score_matrix
from eval.statistics import check_seeds, estimate
from programs.command_line import launch
from programs.errors import UserError


def main(scores: Path, a: str, b: str, against: Path | None) -> None:
    """Print the differences."""
    first, second = row_of(scores, a), row_of(against or scores, b)
    table = build(first, second)
    print(f"A: {a}\nB: {b}\n")
    print(render(table).to_markdown(index=False, disable_numparse=True))


def row_of(scores: Path, row: str) -> pd.DataFrame:
    """The lines of a row; UserError if the file has none."""
    frame = pd.read_csv(scores, dtype={"problem": str, "suite_version": str})
    part = frame[frame.row == row]
    if part.empty:
        raise UserError(f"{scores} has no row {row!r}; it has {', '.join(map(repr, frame.row.unique()))}")
    return part


def build(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """A line per protocol and suite, and per panel: both scores in percent, and `difference` in points.

    ValueError where the rows have other seeds, UserError where they were asked other problems.
    """
    check_seeds({"A": first.seed, "B": second.seed})
    lines, others = [], dict(iter(_parts(second)))
    for (protocol, panel), part in _parts(first):
        if (protocol, panel) not in others:
            raise UserError(f"B has no {panel or 'answers'} under {protocol}")
        two = part, others[protocol, panel]
        _refuse_other_problems(protocol, *two)
        found = _of_panel(panel, *two) if panel else _of_suites(*two)
        lines += [{"protocol": protocol, **line} for line in found]
    return pd.DataFrame(lines)


def _parts(frame: pd.DataFrame) -> DataFrameGroupBy:
    """The lines by protocol and panel, "" for all suites: games are lines whose turns were counted."""
    games = frame.reindex(columns=["turns"]).turns.notna()
    return frame.groupby(["protocol", frame.suite.where(games, "")], sort=False)


def _refuse_other_problems(protocol: str, first: pd.DataFrame, second: pd.DataFrame) -> None:
    """Pairs are made by place, and of games from those that both finished: neither sees other problems."""
    a, b = (
        set(part[["suite", "problem", "suite_version"]].itertuples(index=False)) for part in (first, second)
    )
    if a != b:
        suites = ", ".join(sorted({line.suite for line in a ^ b}))
        raise UserError(
            f"A and B were asked other problems of {suites} under {protocol}, or another version of it; "
            "compare rows of studies that ask the same"
        )


def _of_suites(first: pd.DataFrame, second: pd.DataFrame) -> Iterator[dict]:
    (a, suites), (b, _) = score_matrix(first), score_matrix(second)
    parts = {suite: suites == suite for suite in dict.fromkeys(suites)}
    for name, here in {**parts, AVERAGE: suites != ""}.items():
        scores = (estimate(one[:, here], suites[here], bounds=PERCENT).mean for one in (a, b))
        yield {
            "column": name,
            "a": next(scores),
            "b": next(scores),
            **difference(a[:, here], b[:, here], suites[here]),
        }


def _of_panel(panel: str, first: pd.DataFrame, second: pd.DataFrame) -> Iterator[dict]:
    a, b = (columns.success(part, panel) for part in (first, second))
    scores = (columns.cell(part)["mean"] for part in (a, b))
    yield {"column": panel, "a": next(scores), "b": next(scores), **columns.difference(a, b)}


def render(table: pd.DataFrame) -> pd.DataFrame:
    """The table as people read it."""
    return pd.DataFrame(
        {
            "protocol": row.protocol,
            "column": row.column,
            "problems": str(row.problems),
            "seeds": str(row.seeds),
            "A": f"{row.a:.1f}",
            "B": f"{row.b:.1f}",
            "A - B [95 %]": f"{row.mean:+z.1f} [{row.low:+z.1f}, {row.high:+z.1f}]",
            "MDD": points_text(row.detectable),
            "p": p_text(row.p),
        }
        for row in table.itertuples()
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m eval.compare_rows",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scores", metavar="SCORES", type=Path, help="scores.csv of a study")
    parser.add_argument("a", metavar="A", help="label of a row")
    parser.add_argument("b", metavar="B", help="label of the row to subtract")
    parser.add_argument("--against-scores", type=Path, metavar="CSV", help="the file of B (default: of A)")
    launch(main, *vars(parser.parse_args()).values())
