"""Training curves of a study: one panel per diagnostic, one line per method, a band over seeds.

    python -m eval.curves --spec SPEC --out FOLDER

SPEC is a `CurvesSpec` as JSON. FOLDER receives `curves.csv` (one line per method, seed, step and
metric) and `curves.svg`.
"""

import json
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib import pyplot as plt

from eval.spec import CurvesSpec
from opd.metrics import METRICS
from opd.program import arguments

_COLUMNS = 4
# Eight hues that stay apart for colour-blind readers (Okabe and Ito, 2008), then dashes.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
_LOGARITHMIC = {"gradient_norm"}
_POSITIONS = "gap_by_position_"
PANELS = tuple(name for name in METRICS if name != "gap_by_position")


def main(spec: CurvesSpec, out: Path) -> None:
    """Write the long table and the figure into `out`."""
    frame = collect(spec)
    out.mkdir(parents=True, exist_ok=True)
    frame.to_csv(out / "curves.csv", index=False)
    draw(spec, frame, out / "curves.svg")


def collect(spec: CurvesSpec) -> pd.DataFrame:
    """Long table (label, seed, step, metric, value) of all runs; position ranges get a metric each."""
    rows = []
    for curve in spec.curves:
        for seed, path in curve.metrics.items():
            for line in Path(path).read_text().splitlines():
                record = json.loads(line)
                buckets = record.pop("gap_by_position")
                values = {name: record[name] for name in PANELS}
                values |= {f"{_POSITIONS}{index}": value for index, value in enumerate(buckets)}
                rows += [(curve.label, seed, record["step"], name, value) for name, value in values.items()]
    return pd.DataFrame(rows, columns=["method", "seed", "step", "metric", "value"])


def draw(spec: CurvesSpec, frame: pd.DataFrame, path: Path) -> None:
    """Mean line and minimum-to-maximum band over seeds, smoothed over a twentieth of the run."""
    # A fixed salt gives elements the same ids every time: same numbers, same bytes.
    mpl.rcParams.update({"svg.hashsalt": "curves", "font.size": 9})
    height = -(-(len(PANELS) + 1) // _COLUMNS)
    figure, axes = plt.subplots(height, _COLUMNS, figsize=(4 * _COLUMNS, 2.7 * height), squeeze=False)
    for axis in axes.flat[len(PANELS) + 1 :]:
        axis.axis("off")
    draw_positions(axes.flat[len(PANELS)], spec, frame)
    for axis, metric in zip(axes.flat, PANELS, strict=False):
        draw_panel(axis, spec, frame[frame.metric == metric])
        axis.set_title(metric.replace("_", " "))
        axis.set_xlabel("step")
        if metric in _LOGARITHMIC:
            axis.set_yscale("log")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.suptitle(f"{spec.title} ({spec.scale_description})")
    figure.tight_layout()
    figure.legend(handles, labels, loc="lower right", ncols=2, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def draw_panel(axis: plt.Axes, spec: CurvesSpec, part: pd.DataFrame) -> None:
    """All methods' lines and bands of one metric."""
    window = max(1, int(part.step.max() + 1) // 20)
    for index, curve in enumerate(spec.curves):
        runs = part[part.method == curve.label].pivot(index="step", columns="seed", values="value")
        smooth = runs.rolling(window, min_periods=1).mean()
        draw_band(axis, smooth, index, curve.label)


def draw_positions(axis: plt.Axes, spec: CurvesSpec, frame: pd.DataFrame) -> None:
    """Gap by position in the response, over the last quarter of the run."""
    part = frame[frame.metric.str.startswith(_POSITIONS) & (frame.step >= 0.75 * frame.step.max())]
    part = part.assign(position=part.metric.str.removeprefix(_POSITIONS).astype(int))
    for index, curve in enumerate(spec.curves):
        runs = part[part.method == curve.label].pivot_table("value", "position", "seed")
        draw_band(axis, runs, index, curve.label)
    axis.set_title("gap by position, last quarter")
    axis.set_xlabel("eighth of the token cap")


def draw_band(axis: plt.Axes, runs: pd.DataFrame, index: int, label: str) -> None:
    """Mean over the columns (seeds) of `runs`, and the band from lowest to highest."""
    colour = _COLOURS[index % len(_COLOURS)]
    dashes = "--" if index >= len(_COLOURS) else "-"
    axis.plot(runs.index, runs.mean(axis=1), dashes, color=colour, label=label, linewidth=1.3)
    axis.fill_between(runs.index, runs.min(axis=1), runs.max(axis=1), color=colour, alpha=0.15)


if __name__ == "__main__":
    main(*arguments(__doc__, CurvesSpec, out="folder to write"))
