"""The study's figures. One colour per gamma, from cold (token level) to warm (sequence level)."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from eval.report import figures
from studies.estimators.control import HORIZON, TASKS
from studies.estimators.outcome import BINS, POSITIONS
from studies.estimators.spec import EstimatorsSpec

# Hues of Okabe and Ito (2008), in the order of the spectrum.
_COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#000000", "#999933")
_VISITED = (0.0, 0.5, 1.0)  # the paper's columns


def write(spec: EstimatorsSpec, tables: dict[str, pd.DataFrame], out: Path) -> None:
    """Draw all figures into `out`; the same tables give the same bytes."""
    figures.style("estimators")
    figures.save(variance(spec, tables), out / "variance.svg")
    figures.save(toy_variance(spec, tables["toy_variance"]), out / "toy_variance.svg")
    figures.save(toy_visits(spec, tables["toy_visits"]), out / "toy_visits.svg")


def coloured(gammas: Sequence[float]) -> list[tuple[float, str]]:
    """(gamma, colour) in the order given."""
    return list(zip(gammas, _COLOURS, strict=False))


_BIAS_PANELS = {
    ("bigram", "relative_bias"): "bigram: bias, enumerated",
    ("bigram", "relative_deviation"): "bigram: standard deviation",
    ("gaussian", "relative_bias"): "Gaussian walk: bias, exact",
    ("gaussian", "relative_deviation"): "Gaussian walk: standard deviation",
}


def variance(spec: EstimatorsSpec, tables: dict[str, pd.DataFrame]) -> Figure:
    """Variance against horizon per chain with fitted exponents; bias and deviation against horizon."""
    figure, axes = plt.subplots(2, len(_BIAS_PANELS), figsize=(14.4, 7.4), squeeze=False)
    for axis in axes[0, 1 + len(spec.variance.chains) :]:
        axis.axis("off")
    for axis, kind in zip(axes[0], [*spec.variance.chains, "gaussian"], strict=False):
        measured, fitted = (tables[name][tables[name].chain == kind] for name in ("variance", "exponents"))
        draw_variance(axis, spec, measured, fitted)
        sampled = f"{kind} chain, n = {spec.variance.pairs} pairs"
        axis.set_title("Gaussian, closed form" if kind == "gaussian" else sampled)
    for axis, (policy, column) in zip(axes[1], _BIAS_PANELS, strict=True):
        draw_bias(axis, spec, tables["bias"][tables["bias"].policy == policy], column)
        pairs = f", n = {spec.bias.pairs} pairs" if policy == "bigram" else ""
        axis.set_title(_BIAS_PANELS[policy, column] + pairs)
    axes[0, 0].set_ylabel("variance of one rollout's gradient (nats$^2$)")
    axes[1, 0].set_ylabel("relative to the norm of the gradient")
    axes[1, 0].legend(fontsize=8, loc="upper left")
    figure.suptitle(
        r"Gradient estimators between token level ($\gamma$ = 0) and sequence level ($\gamma$ = 1); "
        "bands: range over pairs of student and teacher"
    )
    figure.tight_layout()
    return figure


def draw_variance(axis: Axes, spec: EstimatorsSpec, measured: pd.DataFrame, fitted: pd.DataFrame) -> None:
    """Geometric mean and range over pairs, per gamma, beside slopes of the paper's bounds."""
    exponent = fitted.set_index("gamma")
    for gamma, colour in coloured(spec.gammas):
        wide = measured[measured.gamma == gamma].pivot(index="horizon", columns="pair", values="variance")
        row = exponent.loc[gamma]
        interval = "" if np.isnan(row.low) else f" [{row.low:.2f}, {row.high:.2f}]"
        label = rf"$\gamma$ = {gamma:g}: exponent {row.exponent:.2f}{interval}"
        draw_band(axis, wide, np.exp(np.log(wide).mean(axis=1)), colour, label)
    draw_slopes(axis, measured)
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.set_ylim(top=axis.get_ylim()[1] * 100)  # the legend's place
    axis.set_xlabel("horizon T (tokens)")
    axis.legend(fontsize=7, loc="upper left")


def draw_slopes(axis: Axes, measured: pd.DataFrame) -> None:
    """T^2 from the lowest gamma and T^4 from the highest, the growth that the paper's bounds allow."""
    horizons = np.array(sorted(measured.horizon.unique()), float)
    lowest, highest = measured.gamma.min(), measured.gamma.max()
    for power, gamma in ((2, lowest), (4, highest)):
        first = measured[(measured.gamma == gamma) & (measured.horizon == horizons[0])].variance
        line = np.exp(np.log(first).mean()) * (horizons / horizons[0]) ** power
        axis.plot(horizons, line, ":", color="0.4", linewidth=1)
        axis.annotate(f"$T^{power}$", (horizons[-2], line[-2]), color="0.4", ha="right", va="bottom")


def draw_bias(axis: Axes, spec: EstimatorsSpec, part: pd.DataFrame, column: str) -> None:
    """Median and range over pairs of a column of bias.csv, per gamma."""
    for gamma, colour in coloured(spec.gammas):
        wide = part[part.gamma == gamma].pivot(index="horizon", columns="pair", values=column)
        draw_band(axis, wide, wide.median(axis=1), colour, rf"$\gamma$ = {gamma:g}")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("horizon T (steps)")


def draw_band(axis: Axes, wide: pd.DataFrame, centre: pd.Series, colour: str, label: str) -> None:
    """A line, and the range over the columns of `wide`."""
    axis.plot(centre.index, centre, "o-", color=colour, label=label, markersize=3, linewidth=1.3)
    axis.fill_between(wide.index, wide.min(axis=1), wide.max(axis=1), color=colour, alpha=0.12, linewidth=0)


def toy_variance(spec: EstimatorsSpec, table: pd.DataFrame) -> Figure:
    """Gradient variance against iteration: rows seeds, columns tasks; smoothed over 1 % of the run."""
    seeds = spec.toy.seeds
    figure, axes = plt.subplots(
        len(seeds), len(TASKS), figsize=(10, 2.5 * len(seeds) + 0.6), squeeze=False, sharex=True, sharey="row"
    )
    window = max(1, spec.toy.iterations // 100)
    for (row, seed), (column, task) in product(enumerate(seeds), enumerate(TASKS)):
        axis = axes[row, column]
        part = table[(table.seed == seed) & (table.task == task.name)]
        for gamma, colour in coloured(spec.gammas):
            line = part[part.gamma == gamma].set_index("iteration").variance
            smooth = np.exp(np.log(line).rolling(window, min_periods=1).mean())
            axis.plot(smooth.index, smooth, color=colour, label=rf"$\gamma$ = {gamma:g}", linewidth=1)
        axis.set_yscale("log")
        axis.set_title(f"{task.name} task, seed {seed}")
    for axis in axes[-1]:
        axis.set_xlabel("iteration")
    for axis in axes[:, 0]:
        axis.set_ylabel("gradient variance (nats$^2$)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels))
    figure.suptitle(
        f"Control toy: variance of the output layer's gradient over {spec.toy.microbatches} microbatches of "
        f"{spec.toy.trajectories // spec.toy.microbatches} trajectories"
    )
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    return figure


def toy_visits(spec: EstimatorsSpec, table: pd.DataFrame) -> Figure:
    """Where trained students go: rows tasks, columns gammas and the teachers; square-root colour scale."""
    shown = [gamma for gamma in _VISITED if gamma in spec.gammas]
    figure, axes = plt.subplots(
        len(TASKS),
        len(shown) + 1,
        figsize=(3 * (len(shown) + 1), 5.4),
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    for row, task in enumerate(TASKS):
        part = table[table.task == task.name]
        columns = [part[part.gamma == gamma] for gamma in shown] + [part[part.policy == "teacher"]]
        names = [rf"$\gamma$ = {gamma:g}" for gamma in shown] + ["teachers"]
        for axis, cells, name in zip(axes[row], columns, names, strict=True):
            image = draw_visits(axis, cells)
            axis.axhline(task.target, color="white", linewidth=0.7, linestyle=":")
            axis.set_title(f"{task.name} task, {name}")
    for axis in axes[-1]:
        axis.set_xlabel("time step")
    for axis in axes[:, 0]:
        axis.set_ylabel("position")
    count = spec.toy.evaluation_trajectories
    figure.suptitle(
        f"Control toy: states visited after training, n = {len(spec.toy.seeds)} seeds x {count} trajectories"
    )
    figure.tight_layout(rect=(0, 0, 0.93, 1))
    bar = figure.add_axes((0.94, 0.12, 0.012, 0.72))
    figure.colorbar(image, cax=bar, label="share of trajectories per half unit")
    return figure


def draw_visits(axis: Axes, cells: pd.DataFrame) -> AxesImage:
    """Mean share over seeds, position upwards and time to the right."""
    grid = cells.pivot_table("share", "position", "time").to_numpy()
    assert grid.shape == (BINS, HORIZON + 1)
    return axis.imshow(
        grid,
        origin="lower",
        aspect="auto",
        extent=(-0.5, HORIZON + 0.5, *POSITIONS),
        norm=PowerNorm(0.5, 0, 1),
        cmap="viridis",
        interpolation="nearest",
    )
