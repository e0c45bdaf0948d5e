"""What the figures of all studies share: a style, a colour per method, and reproducible bytes."""

import io
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

# Hues that stay apart for colour-blind readers (Okabe and Ito, 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")

# What a label says first decides its hue, so that a method looks the same in every figure.
_OF_METHOD = {
    "LSM": "#0072B2",
    "Sampled token": "#D55E00",
    "Full reverse KL": "#009E73",
    "JSD": "#CC79A7",
    "Full forward KL": "#E69F00",
    "SFT, then LSM": "#56B4E9",
    "No renormalisation, stop-gradient": "#999933",
    "No renormalisation": "#000000",
}
# Variants of one method share its hue and differ in the line: a name of matplotlib's, or a pattern of dashes.
Line = str | tuple[int, tuple[int, ...]]
_LINES: tuple[Line, ...] = (
    "-",
    "--",
    ":",
    "-.",
    (0, (8, 2)),
    (0, (1, 3)),
    (0, (6, 2, 1, 2, 1, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (10, 2, 2, 2)),
)


def style(salt: str) -> None:
    """Set the common style. `salt` gives the elements of an SVG the same ids every time."""
    mpl.rcParams.update(
        {
            "svg.hashsalt": salt,
            "font.size": 9,
            "axes.titlesize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
        }
    )


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG without a date, coordinates to a hundredth of a point, and forget it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None}, dpi=150)
    path.write_text(re.sub(r"(?<=\d\.\d\d)\d+(?=[ \n\"])", "", drawn.getvalue()))
    plt.close(figure)


def title(figure: Figure, *parts: str) -> None:
    """Give a figure a title, each part in lines that fit its width."""
    lines = [line for part in parts for line in textwrap.wrap(part, int(13 * figure.get_figwidth()))]
    figure.suptitle("\n".join(lines), fontsize=10)


def family(label: str) -> str | None:
    """The method whose hue a label has; None for one without a hue of its own."""
    return next((name for name in _OF_METHOD if label.startswith(name)), None)


def colour(label: str, labels: Sequence[str]) -> str:
    """The hue of `label`: its method's, or else by its place among the `labels` of the figure."""
    name = family(label)
    return _OF_METHOD[name] if name else COLOURS[list(labels).index(label) % len(COLOURS)]


def line(label: str, labels: Sequence[str]) -> Line:
    """The line of `label`, among the `labels` of the figure that have its hue: solid first, then dashed."""
    same = [other for other in labels if colour(other, labels) == colour(label, labels)]
    return _LINES[same.index(label) % len(_LINES)]
