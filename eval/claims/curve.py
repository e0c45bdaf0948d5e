"""Effects from training curves: a diagnostic averaged over a part of the run, paired by seed."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from eval.claims.effect import Effect, of_values
from eval.claims.spec import CurveComparison, CurveSide, several
from eval.report.window import in_words, within


def measure(test: CurveComparison, results: Path) -> Effect:
    """The effect over training seeds, a t interval; ValueError if the sides have other seeds or no lines."""
    frame = pd.read_csv(results / test.files[0])
    first = average(frame, test.first)
    second = average(frame, test.second) if test.second else first * 0 + test.value
    if set(first.index) != set(second.index):
        raise ValueError(f"{test.words}: seeds {list(first.index)} and {list(second.index)} cannot be paired")
    room = room_of(test, float(second.mean()))
    if test.scale == "log_ratio":
        first, second = np.log(first), np.log(second)
    effect = of_values((first - second).to_numpy())
    return replace(effect, seeds=len(first), room=room, note=left_out(frame, test.first))


def room_of(test: CurveComparison, second: float) -> float:
    """How far the first side can be from the second in the direction claimed; shares end at 0 and 1."""
    if test.second is None or test.unit != "share":
        return math.inf
    return {"below": second, "above": 1 - second}.get(test.direction, math.inf)


def average(frame: pd.DataFrame, side: CurveSide) -> pd.Series:
    """Seed -> mean over the window's steps, of several metrics the slope over their means.

    Steps that do not log the metric do not count. A slope is over what every step logs, by least squares,
    per place in the list of metrics.
    """
    metrics, part = several(side.metric), lines_of(frame, side)
    if len(metrics) == 1:
        return part.groupby("seed").value.mean()
    logged = at_every_step(part)
    places = [metrics.index(name) for name in logged]
    if len(places) < 2:
        raise ValueError(f"{side.row!r} logs {len(places)} of {', '.join(metrics)} at every step; no slope")
    means = logged.groupby("seed").mean()
    return pd.Series(np.polyfit(places, means.T, 1)[0], means.index)


def lines_of(frame: pd.DataFrame, side: CurveSide) -> pd.DataFrame:
    """What the row logs of the metrics in the window; ValueError if that is nothing."""
    part = frame[(frame.method == side.row) & frame.metric.isin(several(side.metric))]
    part = within(part, side.window)
    if part.empty:
        raise ValueError(f"no {side.metric} of {side.row!r} in {in_words(side.window)}")
    return part


def at_every_step(part: pd.DataFrame) -> pd.DataFrame:
    """(seed, task, step) -> the metrics that no step lacks, so that their means are over the same steps."""
    return part.pivot(index=["seed", "task", "step"], columns="metric", values="value").dropna(axis=1)


def left_out(frame: pd.DataFrame, side: CurveSide) -> str:
    """Which metrics a slope leaves out, in words."""
    if isinstance(side.metric, str):
        return ""
    logged = at_every_step(lines_of(frame, side))
    missing = [name for name in side.metric if name not in logged]
    return f"without {', '.join(missing)}, which some step lacks" if missing else ""
