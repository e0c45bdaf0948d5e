"""An ablation as a figure: score against the value of its knob, one line per method.

    python -m eval.report.sweep --spec SPEC --table TABLE.csv --out SWEEP.svg

SPEC is a `SweepSpec` as JSON, TABLE.csv what `eval.report.tables` wrote of the same study. Intervals are the
table's: 95 %, over problems and training seeds.
"""

from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from eval.report import figures
from eval.spec import SweepSpec
from programs.command_line import arguments, launch


def main(spec: SweepSpec, table: Path, out: Path) -> None:
    """Draw the figure."""
    figures.style("sweep")
    figure, axis = plt.subplots(figsize=(5.6, 3.8))
    draw(axis, spec, points(spec, pd.read_csv(table)))
    figure.tight_layout()
    figures.save(figure, out)


def points(spec: SweepSpec, table: pd.DataFrame) -> pd.DataFrame:
    """One line per point, in the order of the spec: method, value, mean, low, high, seeds."""
    averages = table[(table.protocol == spec.protocol) & (table.column == "average")].set_index("row")
    lines = [
        {"method": p.method, "value": p.value, **averages.loc[p.row, ["mean", "low", "high", "seeds"]]}
        for p in spec.points
    ]
    return pd.DataFrame(lines)


def draw(axis: Axes, spec: SweepSpec, found: pd.DataFrame) -> None:
    """The knob's values at equal distances, whatever their size; the methods' intervals side by side."""
    places = {value: place for place, value in enumerate(dict.fromkeys(found.value))}
    methods = list(dict.fromkeys(found.method))
    for index, method in enumerate(methods):
        part = found[found.method == method]
        x = [places[value] + 0.06 * (index - (len(methods) - 1) / 2) for value in part.value]
        errors = [part["mean"] - part.low, part.high - part["mean"]]
        colour = figures.colour(method, methods)
        axis.errorbar(x, part["mean"], errors, color=colour, label=method, marker="o", capsize=2, lw=1.4)
    axis.set_xticks(
        range(len(places)), [f"{value:g}" if isinstance(value, float) else value for value in places]
    )
    axis.set_xlabel(spec.knob)
    axis.set_ylabel(f"average of the suites, {spec.protocol}, %")
    axis.set_ylim(bottom=0)
    axis.set_title(f"{spec.title} (n = {int(found.seeds.max())} seeds)")
    if len(methods) > 1:
        axis.legend()


if __name__ == "__main__":
    launch(main, *arguments(__doc__, SweepSpec, table="table.csv of the study", out="SVG file to write"))
