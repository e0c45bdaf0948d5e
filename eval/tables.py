"""Turn the long table of a study into the table that people read.

    python -m eval.tables --spec SPEC --scores SCORES.csv --paper PAPER.csv --out FOLDER

SPEC is a `TableSpec` as JSON. FOLDER receives `table.csv` (one line per row and column, with mean,
interval, spread and counts) and its renderings `table.md`, `table.html` and `table.tex`.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from eval.render import render
from eval.spec import TableSpec
from eval.statistics import Estimate, Matrix, estimate, paired_difference
from opd.program import arguments

AVERAGE, DIFFERENCE = "average", "difference"


def main(spec: TableSpec, scores: Path, paper: Path, out: Path) -> None:
    """Write the table and its three renderings into `out`."""
    frame = pd.read_csv(scores)
    table = build(spec, frame)
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "table.csv", index=False)
    code = code_versions([json.loads(Path(path).read_text()) for path in spec.runs])
    for suffix, text in render(spec, table, rates(spec, frame), paper_values(spec, paper), code).items():
        (out / f"table.{suffix}").write_text(text)


def code_versions(manifests: list[dict]) -> str:
    """Which code trained the runs of these `run.json`, in words; says so if they differ."""
    versions = sorted({f"{m['commit']} (source {m['source_sha256']})" for m in manifests})
    return versions[0] if len(versions) == 1 else f"rows come from different code: {'; '.join(versions)}"


def build(spec: TableSpec, frame: pd.DataFrame) -> pd.DataFrame:
    """One line per row, protocol and column: the suites, their average, and the paired difference.

    Scores are percentages of correct answers; `difference` is the average minus that of the
    reference row on the same problems and seeds.
    """
    lines = []
    for protocol in (p.name for p in spec.evaluation.protocols):
        part = frame[frame.protocol == protocol]
        reference, suites = score_matrix(part[part.row == spec.reference_row])
        for row in spec.rows:
            matrix, _ = score_matrix(part[part.row == row.row])
            cells: dict[str, Estimate] = {
                suite: estimate(matrix[:, suites == suite]) for suite in dict.fromkeys(suites)
            }
            cells[AVERAGE] = estimate(matrix, suites)
            if row.row != spec.reference_row:
                cells[DIFFERENCE] = paired_difference(matrix, reference, suites)
            lines += [
                {"row": row.row, "protocol": protocol, "column": column, **vars(cell)}
                for column, cell in cells.items()
            ]
    return pd.DataFrame(lines)


def score_matrix(frame: pd.DataFrame) -> tuple[Matrix, np.ndarray]:
    """((S, N) percentages of correct samples, (N,) suites) of one row under one protocol."""
    share = 100 * frame.correct / frame.samples
    wide = share.set_axis(pd.MultiIndex.from_frame(frame[["seed", "suite", "problem"]])).unstack("seed")
    if wide.isna().any(axis=None):
        raise ValueError("some problems were not answered by every seed")
    return wide.to_numpy().T, wide.index.get_level_values("suite").to_numpy()


def rates(spec: TableSpec, frame: pd.DataFrame) -> pd.DataFrame:
    """Per row: percentage of truncated and ungraded samples and mean tokens, all suites pooled."""
    part = frame[frame.protocol == spec.protocol].groupby("row")
    totals = part[["samples", "truncated", "ungraded"]].sum()
    return pd.DataFrame(
        {
            "truncated": 100 * totals.truncated / totals.samples,
            "ungraded": 100 * totals.ungraded / totals.samples,
            "tokens": part.mean_tokens.mean(),
        }
    )


def paper_values(spec: TableSpec, paper: Path) -> dict[str, float]:
    """The paper's value per row of its table; empty where it has no counterpart."""
    reference = pd.read_csv(paper)
    chosen = reference[(reference.table == spec.paper_table) & (reference.column == spec.paper_column)]
    return dict(zip(chosen.row, chosen.value, strict=True))


if __name__ == "__main__":
    main(
        *arguments(
            __doc__,
            TableSpec,
            scores="long table of the study",
            paper="the papers' numbers",
            out="folder to write",
        )
    )
