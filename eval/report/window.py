"""Parts of training runs, in the long table that `eval.report.curves` writes. Loads no pandas."""

from typing import TYPE_CHECKING, Literal

from programs.spec import Share

if TYPE_CHECKING:
    import pandas as pd

Window = tuple[Share, Share] | Literal["first_step"]
"""[from, to) as shares of a run's steps, or the step before any update, whatever the run's length."""

WHOLE = (0.0, 1.0)
LATE = (0.75, 1.0)
"""The last quarter."""


def within(frame: "pd.DataFrame", window: Window) -> "pd.DataFrame":
    """The lines in a window of their runs.

    A run of n steps has steps 0 to n - 1; step t lies t / n into it. All runs of a method have as many.
    """
    if window == "first_step":
        return frame[frame.step == 0]
    steps = frame.groupby("method").step.transform("max") + 1
    start, end = window
    progress = frame.step / steps
    return frame[(start <= progress) & (progress < end)]


def in_words(window: Window) -> str:
    """Which part of a run a window is."""
    if window == "first_step":
        return "the first step"
    start, end = (round(100 * share) for share in window)
    return f"{start} to {end} % of the run"
