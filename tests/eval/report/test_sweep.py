"""Sweeps read the table and draw what it says."""

import re

import pandas as pd
import pytest

from eval.report import figures, sweep
from eval.spec import SweepSpec


@pytest.fixture
def spec() -> SweepSpec:
    points = [(f"{method}, {value}", method, value) for method in ("LSM", "JSD") for value in (0.1, 0.3, 1)]
    return SweepSpec(
        title="Learning rate",
        knob="optimizer.learning_rate",
        protocol="avg@4",
        points=[{"row": row, "method": method, "value": value} for row, method, value in points],
    )


@pytest.fixture
def table(spec) -> pd.DataFrame:
    lines = [
        {
            "row": point.row,
            "protocol": protocol,
            "column": column,
            "mean": mean,
            "low": mean - 1,
            "high": mean + 2,
        }
        for place, point in enumerate(spec.points)
        for protocol, column, mean in (
            ("avg@4", "average", 10.0 * place),
            ("avg@4", "chain2", 99.0),
            ("greedy", "average", 77.0),
        )
    ]
    frame = pd.DataFrame(lines)
    return frame.assign(low=frame["mean"] - 1, high=frame["mean"] + 2, seeds=3)


def test_points_are_the_averages_under_the_protocol(spec, table):
    found = sweep.points(spec, table)
    assert found["mean"].tolist() == [0, 10, 20, 30, 40, 50]
    assert found.high.tolist() == [2, 12, 22, 32, 42, 52]
    assert found.method.tolist() == ["LSM"] * 3 + ["JSD"] * 3


def test_bars_reach_from_low_to_high(spec, table):
    _, axis = figures.plt.subplots()
    sweep.draw(axis, spec, sweep.points(spec, table))
    (bars,) = axis.containers[0].lines[2]
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [[-1, 2], [9, 12], [19, 22]]


def test_the_same_table_gives_the_same_bytes(spec, table, tmp_path):
    table.to_csv(tmp_path / "table.csv", index=False)
    for name in ("first.svg", "second.svg"):
        sweep.main(spec, tmp_path / "table.csv", tmp_path / name)
    first, second = ((tmp_path / name).read_text() for name in ("first.svg", "second.svg"))
    assert first == second
    assert figures.colour("LSM", ["LSM", "JSD"]).lower() in first
    assert "n = 3 seeds" in first


def test_a_method_has_one_colour_and_its_variants_differ_in_the_line():
    labels = ["Sampled token, top-p 1", "LSM, top-p 1", "LSM, mask, top-p 0.9", "Something else"]
    assert figures.colour(labels[1], labels) == figures.colour(labels[2], labels)
    assert figures.colour(labels[0], labels) != figures.colour(labels[1], labels)
    assert figures.line(labels[1], labels) != figures.line(labels[2], labels)
    variants = [f"LSM, {number}" for number in range(9)]  # as many as mini's study of markers has
    assert len({figures.line(label, variants) for label in variants}) == 9
    stop, none = "No renormalisation, stop-gradient, top-p 0.9", "No renormalisation, top-p 0.9"
    assert figures.colour(stop, labels) != figures.colour(none, labels)


def test_coordinates_are_cut_to_a_hundredth_and_pictures_left_alone(tmp_path):
    figure, axis = figures.plt.subplots()
    axis.plot([0, 1, 2], [0.123456789, 0.5, 0.987654321])
    axis.scatter([1], [0.5], rasterized=True)
    figures.save(figure, tmp_path / "figure.svg")
    text = (tmp_path / "figure.svg").read_text()
    coordinates = re.findall(r"[LM] (\S+) (\S+)", text)
    assert coordinates
    assert all(len(number.partition(".")[2]) <= 2 for pair in coordinates for number in pair)
    assert "data:image/png;base64," in text
