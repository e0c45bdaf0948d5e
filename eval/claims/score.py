"""Effects from a study's long table: two rows on the same problems and seeds, as its table compares them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from eval.alfworld import columns
from eval.claims.curve import average
from eval.claims.effect import Effect
from eval.claims.spec import CurveSide, ScoreComparison
from eval.report.tables import score_matrix
from eval.report.window import LATE
from eval.statistics import check_seeds, paired_difference

SUCCESS = "episode_success"
ALIKE = "seeds agree more closely than the noise of their answers: an interval over problems alone"
"""What a table's footnote says of such a difference."""


def measure(test: ScoreComparison, protocol: str, results: Path) -> Effect:
    """Difference in points; says what was chosen. ValueError if a row has no scores or other seeds."""
    scores, *curves = (results / file for file in test.files)
    frame = pd.read_csv(scores, dtype={"problem": str, "suite_version": str})
    rows = [rows if isinstance(rows, str) else best(rows, curves[0]) for rows in (test.row, test.against)]
    first, second = (of_row(frame, row) for row in rows)
    check_seeds({row: part.seed for row, part in zip(rows, (first, second), strict=True)})
    effect = on_panel(first, second, test.panels) if test.panels else on_suites(first, second, protocol)
    chosen = f"highest training success: {' and '.join(rows)}" if curves else ""
    return noted(effect, chosen)


def noted(effect: Effect, note: str) -> Effect:
    """The effect with one more note, first."""
    return replace(effect, note="; ".join(filter(None, (note, effect.note))))


def of_row(frame: pd.DataFrame, row: str) -> pd.DataFrame:
    """The row's lines; ValueError if it has none."""
    part = frame[frame.row == row]
    if part.empty:
        raise ValueError(f"no scores of {row!r}")
    return part


def on_suites(first: pd.DataFrame, second: pd.DataFrame, protocol: str) -> Effect:
    """Difference of the averages over suites; a panel has a protocol of its own."""
    (a, suites), (b, _) = (score_matrix(part[part.protocol == protocol]) for part in (first, second))
    found = paired_difference(a, b, suites, bounds=(-100, 100))
    return of_estimate({**vars(found), "seeds_alike": found.seeds_alike})


def on_panel(first: pd.DataFrame, second: pd.DataFrame, panels: Sequence[str]) -> Effect:
    """Difference of the percentages of games won on the first panel that was played; says which."""
    panel = next((name for name in panels if name in set(first.suite)), panels[0])
    a, b = (columns.success(part[part.suite == panel], panel) for part in (first, second))
    found = of_estimate(columns.difference(a, b))
    return noted(found, f"panel {panel}" if len(panels) > 1 else "")


def of_estimate(found: dict[str, float]) -> Effect:
    """The effect behind an `Estimate` or a table's cell of it."""
    return Effect(
        mean=found["mean"],
        low=found["low"],
        high=found["high"],
        standard_error=found["standard_error"],
        freedom=found["freedom"],
        seeds=found["seeds"],
        clusters=found["problems"],
        note=ALIKE if found["seeds_alike"] else "",
    )


def best(rows: Sequence[str], curves: Path) -> str:
    """The row of highest success in the last quarter of training, mean over seeds."""
    frame = pd.read_csv(curves)
    sides = {row: CurveSide(row=row, metric=SUCCESS, window=LATE) for row in rows}
    success = {row: average(frame, side).mean() for row, side in sides.items()}
    return max(rows, key=lambda row: success[row])
