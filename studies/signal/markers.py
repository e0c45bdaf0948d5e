"""The paper's figure 5: what a teacher makes of the student's special tokens, one by one."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from studies.signal import style
from studies.signal.clustered import ratio
from studies.signal.estimates import mean_gap
from studies.signal.stored import Scores

LABELS = {"teacher": "teacher", "respelled": "teacher that spells markers differently"}
_COLOURS = {"teacher": style.TEACHER, "respelled": style.RESPELLED}
# Tokens shown on each side of a marker; what lies further away is left out.
_AROUND = 3


def figure(scores: Mapping[str, Scores]) -> tuple[Figure, str]:
    """One response's log-probabilities around its markers, and mean gaps of every marker over all."""
    # A teacher that spells markers differently itself is one teacher, not two.
    scores = {
        name: each for name, each in scores.items() if name == "teacher" or each is not scores["teacher"]
    }
    drawn, (above, below) = plt.subplots(2, 1, figsize=(11, 7), layout="constrained")
    tokens = scores["teacher"].tokens
    marked = tokens[tokens.marker != ""]
    if marked.empty:
        for axis in (above, below):
            style.nothing(axis, "no response holds a complete marker")
    else:
        draw_strip(above, scores, example(scores["teacher"]))
        draw_penalties(below, scores)
        handles, labels = above.get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    number, of = marked.response.nunique(), len(scores["teacher"].responses)
    return (
        drawn,
        f"Markers under the teacher, n = {len(marked):,} marker tokens in {number} of {of} responses",
    )


def example(scores: Scores) -> int:
    """The response with the most distinct markers; of these a correct one, the shortest, the first."""
    marked = scores.tokens[scores.tokens.marker != ""].groupby("response").marker.nunique()
    table = scores.responses.set_index("response").loc[marked.index].assign(markers=marked)
    order = ["markers", "correct", "tokens", "response"]
    return int(table.sort_values(order, ascending=[False, False, True, True]).index[0])


def draw_strip(axis: Axes, scores: Mapping[str, Scores], response: int) -> None:
    """Tokens of the response that are near a marker, as bars of each model's log-probability."""
    tables = {name: each.tokens[each.tokens.response == response] for name, each in scores.items()}
    tokens = tables["teacher"].reset_index(drop=True)
    near = tokens.index[(tokens.marker != "").rolling(2 * _AROUND + 1, 1, center=True).max() > 0]
    series = {"student": (tokens.log_p, style.STUDENT)}
    series |= {LABELS[name]: (table.log_q, _COLOURS[name]) for name, table in tables.items()}
    width = 0.8 / len(series)
    for index, (label, (values, colour)) in enumerate(series.items()):
        shift = (index - (len(series) - 1) / 2) * width
        axis.bar(np.arange(len(near)) + shift, values.to_numpy()[near], width, color=colour, label=label)
    for place, (before, after) in enumerate(pairwise(near)):
        if after > before + 1:
            axis.axvline(place + 0.5, color="0.5", linestyle=":", linewidth=1)
    axis.set_xticks(
        range(len(near)), [readable(tokens.text[i]) for i in near], rotation=90, family="monospace"
    )
    for name, i in zip(axis.get_xticklabels(), near, strict=True):
        name.set_fontweight("bold" if tokens.marker[i] else "normal")
        name.set_color("black" if tokens.marker[i] else "0.45")
    axis.axhline(0, color="0.5", linewidth=0.7)
    axis.set(xlim=(-0.7, len(near) - 0.3), ylabel="log-probability (nats)")
    axis.set_title(f"Response {response}: tokens near its markers (bold); dotted: tokens left out")


def draw_penalties(axis: Axes, scores: Mapping[str, Scores]) -> None:
    """Mean gap of every token of every marker, with 95 % intervals, and of all other tokens."""
    kinds = places_of(scores["teacher"].tokens)
    width = 0.8 / len(scores)
    for index, (name, each) in enumerate(scores.items()):
        tokens = each.tokens
        masks = [(tokens.marker == marker) & (tokens.text == text) for marker, text in kinds]
        found = [ratio(*mean_gap(each, mask)) for mask in [*masks, tokens.marker == ""]]
        place = np.arange(len(found)) + (index - (len(scores) - 1) / 2) * width
        middle = np.array([estimate.mean for estimate in found])
        error = np.array([estimate.high - estimate.mean for estimate in found])
        axis.bar(place, middle, width, yerr=error, color=_COLOURS[name], capsize=2)
    names = [f"{readable(text)}\nof {marker}" if text != marker else marker for marker, text in kinds]
    axis.set_xticks(range(len(names) + 1), [*names, "all other\ntokens"])
    axis.axhline(0, color="0.5", linewidth=0.7)
    axis.set(ylabel="mean gap log q - log p (nats)")
    axis.set_title("What marker tokens are paid, all responses (bars: 95 %, clustered by response)")


def places_of(tokens: pd.DataFrame) -> list[tuple[str, str]]:
    """(marker, text) of the tokens of all markers, in the order of a response."""
    marked = tokens[tokens.marker != ""]
    order = marked.groupby(["marker", "text"], sort=False).position.median().sort_values(kind="stable")
    return list(order.index)


def readable(text: str) -> str:
    """A token as an axis label: matplotlib would read $ as mathematics, and white space shows as nothing."""
    return text.replace("\n", "↵").replace(" ", "␣").replace("$", r"\$")
