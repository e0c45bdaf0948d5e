"""Scores of ALFWorld episodes: success with intervals, overall and per task type, and what went wrong.

Success is won / (won + lost). An episode in which the engine failed is neither; it is counted as an
error and enters no denominator but its own.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from envs.alfworld.panel import drawn_id
from envs.alfworld.play import OUTCOMES
from eval.alfworld.columns import difference, games
from eval.statistics import compare, estimate, mcnemar_p, mean_interval, wilson_interval
from programs.errors import UserError

# Keys of an estimate in percent, by what they are called here, where all are shares.
_IN_SHARES = {"difference": "mean", "low": "low", "high": "high", "detectable": "detectable"}

ALL, MACRO = "all", "mean of types"
_PANEL = ["suite", "protocol"]
_PROBLEM = [*_PANEL, "task_type", "problem"]
_TURN_COUNTS = ("turns", "commands", "invalid_format", "inadmissible", "cut_off")


def problems(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """One line per problem: samples, how many were won, lost and errors, and counts of its turns.

    `commands` counts the turns that were no thoughts, `won_steps` the steps of won episodes. Raises
    ValueError for an unknown outcome, so won + lost + error = samples.
    """
    frame = pd.DataFrame([_counts(record) for record in records])
    sums = frame.groupby(_PROBLEM, sort=False).sum().reset_index()
    assert (sums[list(OUTCOMES)].sum(axis=1) == sums.samples).all()
    return sums


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per panel, protocol and row: all games, the mean of the task types, each type.

    `success` and the ends of its 95 % interval are shares; `interval` names its kind. Rates are shares
    too: of episodes for lost_share and error_share, of `commands` for inadmissible, of turns for
    invalid_format and cut_off.
    """
    lines = []
    for (suite, protocol), part in frame.groupby(_PANEL, sort=False):
        types = [(name, part[part.task_type == name]) for name in part.task_type.unique()]
        rows = [(ALL, part, False), (MACRO, part, True), *((name, of_type, False) for name, of_type in types)]
        for name, of_row, macro in rows:
            numbers = {"suite": suite, "protocol": protocol, "row": name, "games": len(of_row)}
            lines.append(numbers | _outcomes(of_row) | success(of_row, macro) | _rates(of_row))
    return pd.DataFrame(lines)


def success(frame: pd.DataFrame, macro: bool = False) -> dict[str, Any]:
    """Success with its interval; with `macro` the task types weigh equally whatever their size.

    One episode per game: Wilson's. Several are no independent trials, so the games' shares are
    resampled (`eval.statistics.mean_interval`); repeated draws of a game (`legacy_128`) are one cluster
    (`eval.alfworld.columns`). Too few games for an interval, or none: nan.
    """
    judged = frame[frame.won + frame.lost > 0]
    if not len(judged):
        return {"success": np.nan, "low": np.nan, "high": np.nan, "interval": "none"}
    shares = judged.won / (judged.won + judged.lost)
    types = judged.task_type if macro else pd.Series("", judged.index)
    mean = shares.groupby(types).mean().mean()
    low, high, kind = _interval(judged, shares, types)
    return {"success": mean, "low": low, "high": high, "interval": kind}


def _interval(judged: pd.DataFrame, shares: pd.Series, types: pd.Series) -> tuple[float, float, str]:
    """Ends and kind of the interval of the mean over `types` of their games' mean shares."""
    drawn = drawn_repeatedly(judged.problem)
    if not drawn and types.nunique() == 1 and (judged.won + judged.lost == 1).all():
        return *wilson_interval(int(judged.won.sum()), len(judged)), "Wilson"
    if judged.problem.map(drawn_id).groupby(types).nunique().min() < 2:
        return np.nan, np.nan, "none"
    if drawn:
        return *_clustered(judged.problem, shares, types), "clustered by game"
    return *mean_interval(shares.to_numpy(), types.to_numpy()), "games resampled"


def _clustered(problems: pd.Series, shares: pd.Series, types: pd.Series) -> tuple[float, float]:
    """Ends of the interval of draws with replacement: one value per game, within its type."""
    parts = [games(by_game(problems[part.index], part.to_numpy())) for _, part in shares.groupby(types)]
    values = np.concatenate([part.linearised for part in parts], axis=1)
    strata = np.repeat(range(len(parts)), [len(part.weights) for part in parts])
    found = estimate(values, strata, bounds=(0, 100))
    return found.low / 100, found.high / 100


def paired(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, Any]:
    """first - second in success, on the games that both could finish; the same panel, or UserError.

    `dropped` counts games without a finished episode on one of the sides. `p` is the sign-flip p, and
    `p_mcnemar` that of McNemar's exact test, nan with several episodes per game.
    """
    a, b = (run.set_index(["suite", "problem"]).sort_index() for run in (first, second))
    if list(a.index) != list(b.index):
        raise UserError("the runs did not play the same games; play one of them again on the other's panel")
    judged = ((a.won + a.lost > 0) & (b.won + b.lost > 0)).to_numpy()
    if judged.sum() < 2:
        raise UserError(f"{judged.sum()} games were finished by both runs; a comparison needs 2 or more")
    of_a, of_b = ((run.won / (run.won + run.lost)).to_numpy()[judged] for run in (a, b))
    counts = {"games": int(judged.sum()), "dropped": int((~judged).sum()), "p_mcnemar": np.nan}
    names = a.index.get_level_values("problem")[judged]
    if drawn_repeatedly(names):
        found = difference(by_game(names, of_a), by_game(names, of_b))
        shares = {name: found[key] / 100 for name, key in _IN_SHARES.items()}
        return counts | shares | {"p": found["p_permutation"]}
    if a.samples.max() == b.samples.max() == 1:
        counts["p_mcnemar"] = mcnemar_p(of_a, of_b)
    return counts | vars(compare(of_a, of_b))


def drawn_repeatedly(problems: Iterable[str]) -> bool:
    """Whether two of the problems are draws of one game."""
    names = list(problems)
    return len(set(map(drawn_id, names))) < len(names)


def by_game(problems: Iterable[str], shares: np.ndarray) -> pd.DataFrame:
    """Shares as percentages, a line per draw, as `eval.alfworld.columns` takes them."""
    return pd.DataFrame({0: 100 * shares}, index=pd.Index(problems))


def render(scores: pd.DataFrame) -> str:
    """The table as Markdown, percentages as people read them."""
    lines = [
        {
            "": row.row,
            "games": str(row.games),
            "episodes": str(row.samples),
            "won": str(row.won),
            "lost": str(row.lost),
            "error": str(row.error),
            "success [95 %]": f"{_percent(row.success)} [{_percent(row.low)}, {_percent(row.high)}]",
            "steps if won": "-" if np.isnan(row.won_steps) else f"{row.won_steps:.1f}",
            "bad form": _percent(row.invalid_format),
            "inadmissible": _percent(row.inadmissible),
            "cut off": _percent(row.cut_off),
        }
        for row in scores.itertuples()
    ]
    return pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True)


def _counts(record: dict[str, Any]) -> dict[str, Any]:
    outcome, turns = record["outcome"], record["turns"]
    if outcome not in OUTCOMES:
        raise ValueError(f"unknown outcome {outcome!r}; known: {', '.join(OUTCOMES)}")
    return {
        **{name: record[name] for name in _PROBLEM},
        "samples": 1,
        **{name: int(outcome == name) for name in OUTCOMES},
        "won_steps": record["steps"] * (outcome == "won"),
        "turns": len(turns),
        "commands": sum(turn["admissible"] is not None for turn in turns),
        "invalid_format": sum(not turn["valid_format"] for turn in turns),
        "inadmissible": sum(turn["admissible"] is False for turn in turns),
        "cut_off": sum(turn["cut_off"] for turn in turns),
    }


def _outcomes(frame: pd.DataFrame) -> dict[str, int]:
    return {name: int(frame[name].sum()) for name in ("samples", *OUTCOMES)}


def _rates(frame: pd.DataFrame) -> dict[str, float]:
    sums = frame[["samples", "won_steps", *OUTCOMES, *_TURN_COUNTS]].sum()
    return {
        "lost_share": _share(sums.lost, sums.samples),
        "error_share": _share(sums.error, sums.samples),
        "won_steps": _share(sums.won_steps, sums.won),
        "invalid_format": _share(sums.invalid_format, sums.turns),
        "inadmissible": _share(sums.inadmissible, sums.commands),
        "cut_off": _share(sums.cut_off, sums.turns),
    }


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.1f}"
