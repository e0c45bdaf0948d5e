"""Training curves from metrics files: a long table that holds every value, and a figure of what is logged."""

import json
import re

import pytest

from eval.report import curves
from eval.report.window import LATE, within
from eval.spec import CurvesSpec
from opd.diagnostics.metrics import METRICS, UNITS

CONSTANT = {"groups_without_signal": 1.0}
OF_GAMES = ("turns", "invalid_format", "inadmissible", "episode_errors")


def write_metrics(path, seed: int, tasks=("chain",)) -> str:
    """Four steps of each task in turn. Games log what problems do not, `inadmissible` no task at all.

    `groups_without_signal` is always the same.
    """
    records = []
    for step in range(4 * len(tasks)):
        task = tasks[step % len(tasks)]
        record = dict.fromkeys(METRICS, step + seed + 1.0) | CONSTANT | {"inadmissible": None}
        if task == "chain":
            record |= dict.fromkeys(OF_GAMES)
            del record["episode_errors"]
        record |= {"task": task, "step": step, "gap_by_position": [0.5 + step] * 7 + [None], "machine": {}}
        records.append(json.dumps(record) + "\n")
    path.write_text("".join(records))
    return str(path)


def write_study(folder, tasks=("chain",)) -> CurvesSpec:
    """Two methods, two seeds."""
    return CurvesSpec(
        title="Curves",
        scale_description="by hand",
        curves=[
            {
                "label": label,
                "metrics": {seed: write_metrics(folder / f"{label}{seed}", seed, tasks) for seed in (0, 1)},
            }
            for label in ("one", "two")
        ],
    )


@pytest.fixture
def titles(monkeypatch) -> list[str]:
    """The titles of the panels that a figure shows, in order."""
    shown: list[str] = []
    close = curves.plt.close
    monkeypatch.setattr(
        curves.plt,
        "close",
        lambda figure: (shown.extend(axis.get_title() for axis in figure.axes if axis.axison), close(figure)),
    )
    return shown


def draw(spec: CurvesSpec, folder) -> None:
    curves.draw(spec, curves.collect(spec), folder / "curves.svg")


def test_success_has_a_panel_for_each_task(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(curves.plt, "close", kept.append)
    curves.main(write_study(tmp_path, ("chain", "games")), tmp_path)
    shown = {axis.get_title(): axis.lines for axis in kept[-1].axes}
    assert {title: [line.get_label() for line in lines] for title, lines in shown.items()} == {
        "chain": ["one", "two"],
        "games": ["one", "two"],
    }
    # Seed s has step + s + 1, and tasks take turns.
    assert shown["chain"][0].get_ydata().tolist() == [1.5, 3.5, 5.5, 7.5]
    assert shown["games"][0].get_ydata().tolist() == [2.5, 4.5, 6.5, 8.5]


def test_long_table_and_figure(tmp_path):
    spec = write_study(tmp_path)
    curves.main(spec, tmp_path)
    frame = curves.collect(spec)
    assert len(frame) == 2 * 2 * 4 * (len(METRICS) - 1 + 8)
    assert (frame.task == "chain").all()
    loss = frame[(frame.method == "two") & (frame.seed == 1) & (frame.metric == "loss")]
    assert loss.value.tolist() == [2, 3, 4, 5]
    assert frame[frame.metric == "gap_by_position_7"].value.isna().all()
    assert frame[frame.metric.isin(OF_GAMES)].value.isna().all()

    drawn = [(tmp_path / f"{name}.svg").read_text() for name in ("curves", "success")]
    curves.main(spec, tmp_path)  # same numbers, same bytes
    assert [(tmp_path / f"{name}.svg").read_text() for name in ("curves", "success")] == drawn


def test_many_variants_of_a_method_are_drawn_in_lines_of_their_own(tmp_path):
    first, _ = write_study(tmp_path).curves
    variants = [first.model_copy(update={"label": f"LSM, {number}"}) for number in range(9)]
    curves.main(CurvesSpec(title="", scale_description="", curves=variants), tmp_path)
    drawn = (tmp_path / "success.svg").read_text()
    dashes = set(re.findall(r"stroke-dasharray: ([\d., ]+)", drawn))
    assert len(dashes) == 8  # and a solid one


def test_the_gap_by_position_is_that_of_the_last_quarter(tmp_path):
    spec = write_study(tmp_path)
    _, axis = curves.plt.subplots()
    curves.draw_positions(axis, spec, within(curves.collect(spec), LATE))
    assert [line.get_ydata().tolist() for line in axis.lines] == [[3.5] * 7] * 2


def test_one_task_shows_what_it_logs(tmp_path, titles):
    draw(write_study(tmp_path), tmp_path)
    left_out = {*OF_GAMES, *CONSTANT, "gap_by_position"}
    expected = [name for name in METRICS if name not in left_out]
    assert titles == [*(name.replace("_", " ") for name in expected), "gap by position, last quarter"]
    units = re.findall(r"<!-- (nats|tokens|share|L2 norm) -->", (tmp_path / "curves.svg").read_text())
    assert units == [UNITS.get(name, "share") for name in [*expected, "gap_by_position"]]


def test_tasks_have_panels_of_their_own(tmp_path, titles):
    spec = write_study(tmp_path, ("chain", "games"))
    draw(spec, tmp_path)
    assert "chain: turns" not in titles
    assert "games: turns" in titles
    assert "games: inadmissible" not in titles
    start = titles.index("games: loss")
    assert all(title.startswith("chain: ") for title in titles[:start])
    assert all(title.startswith("games: ") for title in titles[start:])
    assert len(titles) == 2 * len(titles[:start]) + len(OF_GAMES) - 1
    frame = curves.collect(spec)
    loss = frame[(frame.method == "one") & (frame.seed == 0) & (frame.metric == "loss")]
    assert loss[loss.task == "games"].step.tolist() == [1, 3, 5, 7]
    assert loss[loss.task == "games"].value.tolist() == [2, 4, 6, 8]


def test_a_method_that_does_not_learn_a_task_leaves_its_panels_to_others(tmp_path, titles):
    spec = write_study(tmp_path, ("chain", "games"))
    alone = {"label": "alone", "metrics": {0: write_metrics(tmp_path / "alone", 0)}}
    draw(CurvesSpec(**spec.model_dump() | {"curves": [alone, *spec.model_dump()["curves"]]}), tmp_path)
    assert "games: turns" in titles
