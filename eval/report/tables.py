"""Turn the long table of a study into the table that people read.

    python -m eval.report.tables --spec SPEC --scores SCORES.csv --paper PAPER.csv --out FOLDER

SPEC is a `TableSpec` as JSON. FOLDER receives `table.csv` (one line per row and column, with mean,
interval, spread and counts) and its renderings `table.md`, `table.html` and `table.tex`.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from eval.alfworld import columns
from eval.report import runs
from eval.report.render import render
from eval.spec import ProtocolSpec, TableSpec
from eval.statistics import (
    Matrix,
    check_seeds,
    estimate,
    holm,
    paired_difference,
    resampling_error,
    significance,
)
from eval.suites.contamination import contaminated_ids
from programs.command_line import arguments, launch
from programs.errors import UserError

Contaminated = Mapping[str, frozenset[str]]  # suite -> ids

PERCENT = (0, 100)
AVERAGE, DIFFERENCE, CLEAN = "average", "difference", "clean subset"


def main(spec: TableSpec, scores: Path, paper: Path, out: Path) -> None:
    """Write the table and its three renderings into `out`."""
    trained = runs.manifests(spec.runs)
    code = "; ".join(filter(None, (runs.code_versions(trained), runs.outdated(trained))))
    frame = pd.read_csv(scores, dtype={"problem": str, "suite_version": str})
    table = build(spec, frame)
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "table.csv", index=False)
    asked = [f"Suites: {suite_status(of_suites(spec, frame))}."]
    asked += [columns.describe(frame, panel) for panel in spec.panels]
    for suffix, text in render(
        spec, table, rates(spec, frame), paper_values(spec, paper), code, asked
    ).items():
        (out / f"table.{suffix}").write_text(text)


def suite_status(frame: pd.DataFrame) -> str:
    """Which version of each suite was asked, and whether its content is a known copy's, in words."""
    kinds = frame.groupby(["suite_version", "suite_status"], sort=False).suite.unique()
    return "; ".join(
        f"{', '.join(suites)} (version {version}, {status})" for (version, status), suites in kinds.items()
    )


def of_suites(spec: TableSpec, frame: pd.DataFrame) -> pd.DataFrame:
    """The long table without the panels' games."""
    return frame[~frame.suite.isin(spec.panels)]


def build(spec: TableSpec, frame: pd.DataFrame) -> pd.DataFrame:
    """One line per row, protocol and column: the suites, their average, and the paired difference.

    Scores are percentages of correct answers among all samples; suites and their average hold beside them
    the percentages `truncated` and `ungraded`. With k > 1 samples `pass@k` and `maj@k` are averages over
    suites too, and `clean subset` is the average without contaminated problems, where there is a report
    of them. `difference` is the average minus that of the row that it is compared with, on the same problems
    and seeds. A protocol that names its suites has lines of those alone.
    `p_holm` is adjusted for a protocol's compared rows. Panels follow, each with a difference of its own.
    ValueError if the rows' runs have other seeds.
    """
    check_seeds(dict(iter(frame.groupby("row").seed)))
    seen = contaminated_ids(Path(spec.contamination)) if spec.contamination else None
    suites = of_suites(spec, frame)
    parts = [_protocol_lines(spec, suites, protocol, seen) for protocol in spec.evaluation.protocols]
    parts += [columns.lines(spec, frame, panel) for panel in spec.panels]
    return pd.concat(parts, ignore_index=True)


def _protocol_lines(
    spec: TableSpec, frame: pd.DataFrame, protocol: ProtocolSpec, seen: Contaminated | None
) -> pd.DataFrame:
    part = frame[frame.protocol == protocol.name]
    asked = {row.row: part[part.row == row.row] for row in spec.rows}
    matrices = {row: score_matrix(of_row) for row, of_row in asked.items()}
    lines = []
    for row, of_row in asked.items():
        matrix, suites = matrices[row]
        cells = {
            suite: score(matrix[:, suites == suite], protocol.samples)
            | unjudged(of_row[of_row.suite == suite])
            for suite in dict.fromkeys(suites)
        }
        cells[AVERAGE] = score(matrix, protocol.samples, suites) | unjudged(of_row)
        if protocol.samples > 1:
            for name, values in (("pass", 100.0 * (of_row.correct > 0)), ("maj", 100 * of_row.majority)):
                cells[f"{name}@{protocol.samples}"] = vars(
                    estimate(*matrix_of(of_row, values), bounds=PERCENT)
                )
        if seen is not None:
            cells[CLEAN] = score(*clean_subset(of_row, seen, protocol))
        if row in spec.pairs:
            cells[DIFFERENCE] = difference(matrix, matrices[spec.pairs[row]][0], suites)
        lines += [
            {"row": row, "protocol": protocol.name, "column": column, **cell}
            for column, cell in cells.items()
        ]
    table = pd.DataFrame(lines)
    if "p" in table:
        table["p_holm"] = holm(table.p)
    return table


def score(scores: Matrix, samples: int, suites: np.ndarray | None = None) -> dict[str, float]:
    """Estimate of (S, N) percentages, and the standard error of new samples of the same problems."""
    of_seeds = [resampling_error(of_seed / 100, samples, suites) for of_seed in scores]
    noise = 100 * float(np.linalg.norm(of_seeds)) / len(of_seeds)
    return {**vars(estimate(scores, suites, bounds=PERCENT)), "resampling_error": noise}


def difference(scores: Matrix, reference: Matrix, suites: np.ndarray) -> dict[str, float]:
    """Estimate of the paired difference in points, its p values and the difference that could be detected."""
    found = paired_difference(scores, reference, suites, bounds=(-100, 100))
    return {**vars(found), **significance(found, scores.mean(0) - reference.mean(0), suites)}


def score_matrix(frame: pd.DataFrame) -> tuple[Matrix, np.ndarray]:
    """((S, N) percentages of correct samples, (N,) suites) of one row under one protocol."""
    return matrix_of(frame, 100 * frame.correct / frame.samples)


def clean_subset(
    frame: pd.DataFrame, seen: Contaminated, protocol: ProtocolSpec
) -> tuple[Matrix, int, np.ndarray]:
    """Arguments of `score` for the problems of one row that the training set does not hold."""
    clean = [row.problem not in seen.get(row.suite, ()) for row in frame.itertuples()]
    matrix, suites = score_matrix(frame[clean])
    for suite in frame.suite.unique():
        if (left := (suites == suite).sum()) < 2:
            raise UserError(
                f"the training set holds all problems of {suite} but {left}, and an interval needs two; leave"
                " that suite out of evaluation.suites, or write contamination: null"
            )
    return matrix, protocol.samples, suites


def matrix_of(frame: pd.DataFrame, values: pd.Series) -> tuple[Matrix, np.ndarray]:
    """((S, N) matrix, (N,) suites) of a value per line of one row under one protocol."""
    wide = values.set_axis(pd.MultiIndex.from_frame(frame[["seed", "suite", "problem"]])).unstack("seed")
    if wide.isna().any(axis=None):
        raise UserError("some problems were not answered by every seed")
    return wide.to_numpy().T, wide.index.get_level_values("suite").to_numpy()


def unjudged(frame: pd.DataFrame) -> dict[str, float]:
    """Percentages of samples that were not judged, and count as not correct: truncated and ungraded ones."""
    samples = frame.samples.sum()
    return {verdict: 100 * frame[verdict].sum() / samples for verdict in ("truncated", "ungraded")}


def rates(spec: TableSpec, frame: pd.DataFrame) -> pd.DataFrame:
    """Per row, all suites pooled: percentages of truncated and ungraded samples, and mean tokens.

    `strict` and `lenient`: by how many points strict conventions and lenient extraction move the score.
    """
    suites = of_suites(spec, frame)
    rows = suites[suites.protocol == spec.protocol].groupby("row")
    return pd.DataFrame.from_dict(
        {
            row: {
                "strict": 100 * (part.strict - part.correct).sum() / part.samples.sum(),
                "lenient": 100 * (part.lenient - part.correct).sum() / part.samples.sum(),
                **unjudged(part),
                "tokens": part.mean_tokens.mean(),
            }
            for row, part in rows
        },
        orient="index",
    )


def paper_values(spec: TableSpec, paper: Path) -> dict[str, dict[str, float]]:
    """The paper's values, column -> row of its table -> value; empty where it has no counterpart."""
    reference = pd.read_csv(paper)
    of_table = reference[reference.table == spec.paper_table]
    values = {}
    for column in spec.paper_columns:
        chosen = of_table[of_table.column == column]
        values[column] = dict(zip(chosen.row, chosen.value, strict=True))
    return values


if __name__ == "__main__":
    launch(
        main,
        *arguments(
            __doc__,
            TableSpec,
            scores="long table of the study",
            paper="the papers' numbers",
            out="folder to write",
        ),
    )
