"""Parts of training runs, in the long table that `eval.report.curves` writes."""

import pandas as pd

LATE = (0.75, 1.0)
"""The last quarter."""


def within(frame: pd.DataFrame, window: tuple[float, float]) -> pd.DataFrame:
    """The lines in a window [from, to) of their runs, as shares of the steps.

    A run of n steps has steps 0 to n - 1; step t lies t / n into it. All runs of a method have as many.
    """
    steps = frame.groupby("method").step.transform("max") + 1
    start, end = window
    progress = frame.step / steps
    return frame[(start <= progress) & (progress < end)]
