"""Parts of training runs, in the long table that `eval.report.curves` writes."""

import pandas as pd

from eval.claims.spec import Window

LATE = (0.75, 1.0)
"""The last quarter."""


def within(frame: pd.DataFrame, window: Window) -> pd.DataFrame:
    """The lines in a window of their runs.

    A run of n steps has steps 0 to n - 1; step t lies t / n into it. All runs of a method have as many.
    """
    if window == "first_step":
        return frame[frame.step == 0]
    steps = frame.groupby("method").step.transform("max") + 1
    start, end = window
    progress = frame.step / steps
    return frame[(start <= progress) & (progress < end)]
