"""What the study's figures have in common."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval.report import figures

STUDENT, TEACHER, RESPELLED = "#0072B2", "#D55E00", "#E69F00"
POSITIVE, NEGATIVE = "#0072B2", "#D55E00"
QUARTILES, TAILS = (0.25, 0.75), (0.05, 0.95)


def save(figure: Figure, title: str, description: str, path: Path) -> None:
    """Write and forget a figure; the description of its scale stands under its title, in lines that fit."""
    figures.title(figure, title, description)
    figures.save(figure, path)


def band(axis: Axes, groups: pd.api.typing.SeriesGroupBy, colour: str, label: str) -> None:
    """Median and quartiles of each group, against the groups' keys."""
    found = groups.quantile([0.5, *QUARTILES]).unstack()
    axis.plot(found.index, found[0.5], "o-", color=colour, label=label, markersize=3, linewidth=1.3)
    low, high = (found[level] for level in QUARTILES)
    axis.fill_between(found.index, low, high, color=colour, alpha=0.18, linewidth=0)


def nothing(axis: Axes, reason: str) -> None:
    """Say in an empty panel why it is empty."""
    axis.text(0.5, 0.5, reason, ha="center", va="center", transform=axis.transAxes, color="0.4")
    axis.set(xticks=[], yticks=[])


def percent(share: float) -> str:
    """A share as readers expect it."""
    return "-" if np.isnan(share) else f"{100 * share:.0f} %"
