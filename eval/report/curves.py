"""Training curves of a study: one panel per task and diagnostic, one line per method, a band over seeds.

    python -m eval.report.curves --spec SPEC --out FOLDER

SPEC is a `CurvesSpec` as JSON. FOLDER receives `curves.csv` (one line per method, seed, task, step
and metric), `curves.svg`, and `success.svg` with what most readers look at first.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from eval.report import figures
from eval.report.window import LATE, within
from eval.spec import CurvesSpec
from opd.diagnostics.metrics import METRICS, UNITS
from programs.command_line import arguments, launch

_COLUMNS = 4
_LOGARITHMIC = {"gradient_norm"}
_POSITIONS = "gap_by_position_"
_SUCCESS = "episode_success"
PANELS = tuple(name for name in METRICS if name != "gap_by_position")


def main(spec: CurvesSpec, out: Path) -> None:
    """Write the long table and the figure into `out`."""
    frame = collect(spec)
    out.mkdir(parents=True, exist_ok=True)
    frame.to_csv(out / "curves.csv", index=False)
    draw(spec, frame, out / "curves.svg")
    draw_success(spec, frame[frame.metric == _SUCCESS], out / "success.svg")


def collect(spec: CurvesSpec) -> pd.DataFrame:
    """Long table of all runs, one line per logged number; position ranges get a metric each.

    What a task does not log is empty.
    """
    rows = []
    for curve in spec.curves:
        for seed, path in curve.metrics.items():
            for line in Path(path).read_text().splitlines():
                record = json.loads(line)
                values = {name: record.get(name) for name in PANELS}
                buckets = enumerate(record.get("gap_by_position") or ())
                values |= {f"{_POSITIONS}{index}": value for index, value in buckets}
                about = (curve.label, seed, record["task"], record["step"])
                rows += [(*about, name, value) for name, value in values.items()]
    return pd.DataFrame(rows, columns=["method", "seed", "task", "step", "metric", "value"])


def draw(spec: CurvesSpec, frame: pd.DataFrame, path: Path) -> None:
    """Mean line and minimum-to-maximum band over seeds, smoothed over a twentieth of the run."""
    figures.style("curves")
    logged = frame.dropna(subset="value")
    tasks = list(logged.task.unique())
    panels = {task: panels_of(logged[logged.task == task]) for task in tasks}
    sizes = [len(panels[task]) for task in tasks]
    sizes[-1] += 1  # the legend's place
    heights = [-(-size // _COLUMNS) for size in sizes]
    height = sum(heights)
    figure, axes = plt.subplots(height, _COLUMNS, figsize=(4 * _COLUMNS, 2.7 * height), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    late = within(frame, LATE)
    for task, top in zip(tasks, itertools.accumulate([0, *heights]), strict=False):
        title = f"{task}: " if len(tasks) > 1 else ""
        parts = frame[frame.task == task], late[late.task == task]
        draw_task(axes[top:].flat, panels[task], spec, *parts, title)
    set_title(figure, spec)
    figure.tight_layout()
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="lower right", fontsize=8)
    figures.save(figure, path)


def draw_success(spec: CurvesSpec, frame: pd.DataFrame, path: Path) -> None:
    """How many of a step's responses are right: a panel per task."""
    figures.style("success")
    tasks = list(frame.task.unique())
    figure, axes = plt.subplots(1, len(tasks), figsize=(3.6 + 4.5 * len(tasks), 3.8), squeeze=False)
    for axis, task in zip(axes.flat, tasks, strict=True):
        draw_panel(axis, spec, frame[frame.task == task])
        axis.set(xlabel="step", ylabel="right of a step's responses", title=task)
        axis.set_ylim(0)
    set_title(figure, spec)
    width = figure.get_figwidth()
    figure.tight_layout(rect=(0, 0, (width - 3.4) / width, 1))
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="center right", fontsize=8)
    figures.save(figure, path)


def set_title(figure: Figure, spec: CurvesSpec) -> None:
    """What is compared, in how many seeds, and at which scale."""
    seeds = max(len(curve.metrics) for curve in spec.curves)
    figures.title(figure, f"{spec.title}, n = {seeds} seeds", spec.scale_description)


def panels_of(logged: pd.DataFrame) -> list[str]:
    """The metrics of which a task logs more than one value ever, the gap by position last."""
    values = logged.groupby("metric").value.nunique()
    found = set(values[values > 1].index)
    positions = any(metric.startswith(_POSITIONS) for metric in found)
    return [name for name in PANELS if name in found] + [_POSITIONS] * positions


def draw_task(
    axes: Iterable[plt.Axes],
    panels: Sequence[str],
    spec: CurvesSpec,
    part: pd.DataFrame,
    late: pd.DataFrame,
    title: str,
) -> None:
    """One task's panels, their names after `title`; `late` is what `part` says of the last quarter."""
    for axis, metric in zip(axes, panels, strict=False):
        axis.axis("on")
        if metric == _POSITIONS:
            draw_positions(axis, spec, late)
        else:
            draw_panel(axis, spec, part[part.metric == metric])
            axis.set_title(metric.replace("_", " "))
            axis.set_xlabel("step")
        axis.set_title(title + axis.get_title())
        axis.set_ylabel(UNITS.get(metric.rstrip("_"), "share"))
        if metric in _LOGARITHMIC:
            axis.set_yscale("log")


def draw_panel(axis: plt.Axes, spec: CurvesSpec, part: pd.DataFrame) -> None:
    """All methods' lines and bands of one metric."""
    window = max(1, part.step.nunique() // 20)
    for curve in spec.curves:
        runs = part[part.method == curve.label].pivot(index="step", columns="seed", values="value")
        smooth = runs.rolling(window, min_periods=1).mean()
        draw_band(axis, smooth, spec, curve.label)


def draw_positions(axis: plt.Axes, spec: CurvesSpec, late: pd.DataFrame) -> None:
    """Gap by position in the response, over the last quarter of the run."""
    part = late[late.metric.str.startswith(_POSITIONS)]
    part = part.assign(position=part.metric.str.removeprefix(_POSITIONS).astype(int))
    for curve in spec.curves:
        runs = part[part.method == curve.label].pivot_table("value", "position", "seed")
        draw_band(axis, runs, spec, curve.label)
    axis.set_title("gap by position, last quarter")
    axis.set_xlabel("eighth of the token cap")


def draw_band(axis: plt.Axes, runs: pd.DataFrame, spec: CurvesSpec, label: str) -> None:
    """Mean over the columns (seeds) of `runs`, and the band from lowest to highest."""
    labels = [curve.label for curve in spec.curves]
    colour, line = figures.colour(label, labels), figures.line(label, labels)
    axis.plot(runs.index, runs.mean(axis=1), linestyle=line, color=colour, label=label, linewidth=1.3)
    axis.fill_between(runs.index, runs.min(axis=1), runs.max(axis=1), color=colour, alpha=0.15)


if __name__ == "__main__":
    launch(main, *arguments(__doc__, CurvesSpec, out="folder to write"))
