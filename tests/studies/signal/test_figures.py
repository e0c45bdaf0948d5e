"""The figures say what the tables say, and the same tables give the same bytes."""

import matplotlib as mpl
import numpy as np
import pytest

from studies.signal import figures, markers
from studies.signal.__main__ import main
from studies.signal.estimates import estimates
from studies.signal.spec import SignalSpec
from studies.signal.stored import load
from tests.studies.signal.scores import made_up

SPEC = SignalSpec(scale_description="a test; $ and _ are no mathematics", buckets=4)
FIGURES = {"probabilities.svg", "repetition.svg", "gap.svg", "prefix.svg", "markers.svg"}


def texts(figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def test_the_program_twice_gives_the_same_bytes(stored, tmp_path):
    for run in ("one", "two"):
        main(SPEC, stored, tmp_path / run)
    written = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert written.keys() == FIGURES | {"estimates.csv", "gradient.csv"}
    for name, content in written.items():
        assert (tmp_path / "two" / name).read_bytes() == content, name


def test_panels_without_data_say_why(stored):
    """The tiny models never answer correctly."""
    scores = load(stored["teacher"])
    assert scores.repetition.empty
    assert texts(figures.repetition(scores)[0]).count("no response is correct") == 3
    unmarked = scores._replace(tokens=scores.tokens.assign(marker=""))
    figure, title = markers.figure({"teacher": unmarked})
    assert texts(figure).count("no response holds a complete marker") == 2
    assert "n = 0 marker tokens in 0 of 12 responses" in title


def test_shares_are_those_of_the_estimates():
    scores = made_up()
    found = estimates({"teacher": scores})
    figure, title = figures.probabilities(scores, found)
    shown = texts(figure)
    negative, positive = found["mean"][0], found["mean"][1]
    assert f"{100 * (1 - negative):.0f} % positive, {100 * negative:.0f} % negative" in shown
    assert f"{100 * positive:.0f} % positive, {100 * (1 - positive):.0f} % negative" in shown
    assert "25 % positive, 75 % negative" in shown
    assert f"n = {len(scores.tokens)} tokens of 30 responses" in title


def test_a_large_scatter_stays_small(tmp_path):
    scores = made_up(responses=600)
    figures.write(SPEC, {"teacher": scores}, estimates({"teacher": scores}), tmp_path)
    assert len(scores.tokens) > 10_000
    for name in FIGURES:
        assert (tmp_path / name).stat().st_size < 500_000


def test_buckets_hold_every_token_once():
    scores = made_up()
    figure, _ = figures.gap(SPEC, scores)
    for axis, width in zip(figure.axes, (8, 25), strict=True):
        counts = [int(text.get_text()) for text in axis.texts]
        assert sum(counts) == len(scores.tokens)
        assert axis.get_xlim() == (0, 4 * width)
    by_position = np.histogram(scores.tokens.position, [0, 8, 16, 24, 32])[0]
    assert [int(text.get_text()) for text in figure.axes[0].texts] == by_position.tolist()


def test_the_repetition_is_its_median():
    figure, title = figures.repetition(made_up())
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    assert lines["student"] == pytest.approx([0.33] * 4)
    assert lines["teacher"] == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert figure.axes[2].lines[0].get_ydata() == pytest.approx([-0.85, -0.95, -1.05, -1.15])
    assert "n = 4 correct responses" in title


def test_prefixes_are_counted_by_the_part_that_is_kept():
    """Two tokens are kept of 11 to 30; of 15 wrong ones the teacher then misses 5, 15, 25, 3, 9, 21, 27."""
    scores = made_up()
    figure, title = figures.prefix(scores)
    (axis,) = figure.axes
    counts = sorted(int(text.get_text()) for text in axis.texts)
    assert counts == [15, 15]
    centres = sorted(container.lines[0].get_ydata()[0] for container in axis.containers)
    assert centres == pytest.approx([8 / 15, 1.0])
    assert "teacher alone: 80 %" in texts(figure)
    assert "n = 30" in title


def test_marker_bars_are_the_mean_gaps():
    scores = {"teacher": made_up(), "respelled": made_up(penalty=3.0)}
    figure, title = markers.figure(scores)
    tokens = scores["respelled"].tokens
    bars = [bar.get_height() for bar in figure.axes[1].containers[-1].patches]
    labels = [label.get_text() for label in figure.axes[1].get_xticklabels()]
    assert labels[0] == "<\nof <think>"
    assert labels[3] == "</\nof </think>"
    assert labels[6:] == ["<|im_end|>", "all other\ntokens"]
    first = tokens.gap[(tokens.marker == "<think>") & (tokens.text == "<")]
    assert bars[0] == pytest.approx(first.mean())
    assert bars[-1] == pytest.approx(tokens.gap[tokens.marker == ""].mean())
    assert "210 marker tokens in 30 of 30 responses" in title


def test_a_teacher_that_spells_differently_itself_is_drawn_once():
    scores = made_up(penalty=3.0)
    figure, _ = markers.figure({"teacher": scores, "respelled": scores})
    assert texts(figure) == texts(markers.figure({"teacher": scores})[0])


def test_the_example_has_all_markers_and_is_short_and_correct():
    scores = made_up()
    assert markers.example(scores) == 0  # responses 0 and 20 have the same length
    unmarked = scores.tokens.assign(marker=scores.tokens.marker.where(scores.tokens.response != 0, ""))
    assert markers.example(scores._replace(tokens=unmarked)) == 20
