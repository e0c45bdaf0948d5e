"""Effects from training curves: a diagnostic averaged over a part of the run, paired by seed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from eval.claims.effect import Effect, of_values
from eval.claims.spec import CurveComparison, CurveSide, several

LATE = (0.75, 1.0)


def measure(test: CurveComparison, results: Path) -> Effect:
    """The effect over training seeds, a t interval; ValueError if the sides have other seeds or no lines."""
    frame = pd.read_csv(results / test.files[0])
    first = average(frame, test.first)
    second = average(frame, test.second) if test.second else first * 0 + test.value
    if set(first.index) != set(second.index):
        raise ValueError(f"{test.words}: seeds {list(first.index)} and {list(second.index)} cannot be paired")
    if test.scale == "log_ratio":
        first, second = np.log(first), np.log(second)
    return replace(of_values((first - second).to_numpy()), seeds=len(first))


def average(frame: pd.DataFrame, side: CurveSide) -> pd.Series:
    """Seed -> mean over the window's steps, of several metrics the slope over their means.

    A run of n steps has steps 0 to n - 1; step t lies t / n into it. Steps that do not log the metric do not
    count. A slope leaves out metrics that some step does not log, so that all its means are over the same
    steps; it is by least squares, per place in the list.
    """
    metrics = several(side.metric)
    part = frame[(frame.method == side.row) & frame.metric.isin(metrics)]
    progress = part.step / (part.step.max() + 1)
    start, end = side.window
    part = part[(start <= progress) & (progress < end)]
    if part.empty:
        raise ValueError(f"no {side.metric} of {side.row!r} between {start:g} and {end:g} of the run")
    if len(metrics) == 1:
        return part.groupby("seed").value.mean()
    logged = part.pivot(index=["seed", "task", "step"], columns="metric", values="value").dropna(axis=1)
    places = [metrics.index(name) for name in logged]
    if len(places) < 2:
        raise ValueError(f"{side.row!r} logs {len(places)} of {', '.join(metrics)} at every step; no slope")
    means = logged.groupby("seed").mean()
    return pd.Series(np.polyfit(places, means.T, 1)[0], means.index)
