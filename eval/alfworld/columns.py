"""A panel of ALFWorld's games as columns of a study's table: success, and the difference of compared rows.

A game's score is won / (won + lost). A game that some seed could not finish once, because the engine failed,
is left out of that row, and out of its comparison. Copies of one game in a `legacy_128` panel are one
cluster: the score is the mean over draws, its interval that of a mean over games which weigh what they were
drawn (cluster-robust, with the linearised values of `Games`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from envs.alfworld.panel import drawn_id
from eval.spec import TableSpec
from eval.statistics import (
    Matrix,
    estimate,
    holm,
    paired_difference,
    resampling_error,
    significance,
)
from programs.errors import UserError

OWN_WORDING = "prompts in this project's words"
"""A condition of games played under verl_agent, unless it is given verl-agent's own templates."""


@dataclass(frozen=True)
class Games:
    """Percentages `scores` (S, G) of S seeds on G games, and `weights` (G,) by how often each was drawn.

    The weights have mean 1. `means` (S,) are the seeds' scores.
    """

    scores: Matrix
    weights: Matrix

    @property
    def means(self) -> Matrix:
        return np.average(self.scores, axis=1, weights=self.weights)

    @property
    def linearised(self) -> Matrix:
        """(S, G) values whose plain mean is the weighted one, and whose variance is that of a ratio."""
        means = self.means[:, None]
        return means + self.weights * (self.scores - means)


def lines(spec: TableSpec, frame: pd.DataFrame, panel: str) -> pd.DataFrame:
    """One line per row and column of a panel: success with its rates, and `<panel> difference`.

    UserError if a row has not played the panel, or if too few games were finished.
    """
    part = frame[frame.suite == panel]
    finished = {row.row: success(part[part.row == row.row], f"{row.row} on {panel}") for row in spec.rows}
    found = []
    for row in spec.rows:
        of_row, scores = part[part.row == row.row], finished[row.row]
        cells = {panel: {**cell(scores), "resampling_error": noise(of_row, scores), **rates(of_row)}}
        if row.row in spec.pairs:
            cells[f"{panel} difference"] = difference(scores, finished[spec.pairs[row.row]])
        protocol = of_row.protocol.iloc[0]
        found += [
            {"row": row.row, "protocol": protocol, "column": name, **values} for name, values in cells.items()
        ]
    table = pd.DataFrame(found)
    if "p" in table:
        table["p_holm"] = holm(table.p)
    return table


def success(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Percentages of won among judged episodes, a line per game and a column per seed.

    Holds the games that every seed finished at least once. UserError, which calls them `name`, if there are
    none or if some seed did not play them all.
    """
    if not len(frame):
        raise UserError(f"no episodes of {name}")
    scores = 100 * frame.correct / (frame.correct + frame.wrong)  # 0 / 0 is nan
    wide = frame.assign(scores=scores).pivot(index="problem", columns="seed", values=["scores", "samples"])
    if wide.samples.isna().any(axis=None):
        raise UserError(f"some games of {name} were not played by every seed")
    return wide.scores.dropna()


def games(scores: pd.DataFrame) -> Games:
    """The games behind a line per draw and a column per seed; UserError if they are too few."""
    drawn = scores.groupby(drawn_id)
    counts = drawn.size().to_numpy()
    if len(counts) < 2:
        raise UserError(f"{len(counts)} game(s) were finished in all runs; an interval needs two or more")
    return Games(drawn.mean().to_numpy().T, counts / counts.mean())


def cell(scores: pd.DataFrame) -> dict[str, float]:
    """Estimate of success in percent, its interval between 0 and 100."""
    return vars(estimate(games(scores).linearised, bounds=(0, 100)))


def difference(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, float]:
    """Estimate of first - second on the games that both finished, with `significance`'s p and MDD."""
    both = first.index.intersection(second.index)
    a, b = games(first.loc[both]), games(second.loc[both])
    found = paired_difference(a.linearised, b.linearised, bounds=(-100, 100))
    return {**vars(found), **significance(found, a.weights * (a.scores.mean(0) - b.scores.mean(0)))}


def noise(frame: pd.DataFrame, scores: pd.DataFrame) -> float:
    """Standard error of `scores` over new episodes of the same games; nan with one episode per game."""
    judged = (frame.correct + frame.wrong).set_axis(pd.MultiIndex.from_frame(frame[["problem", "seed"]]))
    counts = judged.unstack("seed").loc[scores.index]
    errors = [resampling_error(scores[seed].to_numpy() / 100, counts[seed].to_numpy()) for seed in scores]
    return 100 * float(np.linalg.norm(errors)) / len(errors)


def rates(frame: pd.DataFrame) -> dict[str, float]:
    """What went wrong, in percent: episodes without an outcome, turns without a command, refused commands.

    What is read from a turn of invalid format is a command, too, so such a turn may count in both.
    `turns` and `tokens` are means per episode and per turn.
    """
    sums = frame[["samples", "ungraded", "turns", "commands", "invalid_format", "inadmissible"]].sum()
    return {
        "ungraded": 100 * sums.ungraded / sums.samples,
        "turns": sums.turns / sums.samples,
        "invalid_format": 100 * sums.invalid_format / sums.turns,
        "inadmissible": 100 * sums.inadmissible / sums.commands,
        "tokens": np.average(frame.mean_tokens.fillna(0), weights=frame.turns),
    }


def describe(frame: pd.DataFrame, panel: str) -> str:
    """Which games of a panel were played and how, and whose episodes the engine could not finish."""
    part = frame[frame.suite == panel]
    first, drawn = part.iloc[0], part.problem.nunique()
    distinct = part.problem.map(drawn_id).nunique()
    size = f"{drawn} games" if drawn == distinct else f"{drawn} draws of {distinct} games"
    errors = part.groupby("row", sort=False).ungraded.sum()
    whose = ", ".join(f"{row} {count}" for row, count in errors[errors > 0].items())
    text = (
        f"ALFWorld {panel}: percentage of episodes won, read from the engine; not part of the average; "
        f"{size} ({first.suite_status}, version {first.suite_version}), {first.conditions}. "
        f"Episodes in which the engine failed, neither won nor lost: {whose or 'none'}."
    )
    if first.protocol.startswith("compact"):
        text += " The compact protocol's notes do part of the work: not comparable with the paper's results."
    if OWN_WORDING in first.conditions:
        text += (
            " The prompts' wording is not verl-agent's own, on which the paper's GiGPO teacher was trained; "
            "the protocol's first_turn and later_turn take that text."
        )
    return text
