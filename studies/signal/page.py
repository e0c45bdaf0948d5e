"""Responses as an HTML page, every token coloured by what the teacher thinks of it."""

from collections.abc import Mapping
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from studies.signal.spec import FailureSpec
from studies.signal.stored import Scores

# Classes of the gap log q - log p, in nats, by their lower edges: orange where the teacher likes a token
# less than the student does, blue where it likes it more. All of them carry black text (contrast above 4.5),
# and the two hues are told apart by colour-blind readers.
EDGES = (-np.inf, -4.0, -2.0, -1.0, -0.25, 0.25, 1.0, 2.0, 4.0, np.inf)
COLOURS = (
    *("#e07020", "#f0985a", "#f7be95", "#fce2cf"),
    "#ffffff",
    *("#d3e8f5", "#a3cfea", "#74b5de", "#4698cc"),
)
# A response of 16,384 tokens would be a page of its own.
_SHOWN = 1200
_STYLE = """
*{box-sizing:border-box;-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;padding:1.5em;max-width:70em;color:#111}
h1{font-size:1.5em;margin:0}h2{margin:2em 0 .3em;border-bottom:2px solid #111}h3{font-size:1em;margin:0}
p{margin:.3em 0;max-width:60em}a{color:inherit}
table{border-collapse:collapse;font-size:14px}
th,td{padding:.1em .6em;white-space:nowrap;text-align:right;border-bottom:1px solid #ccc}
th:nth-child(-n+2),td:nth-child(-n+2){text-align:left}
.scroll{overflow-x:auto}
.legend{font-size:14px;position:sticky;top:0;background:#fff;padding:.5em 0;border-bottom:1px solid #ccc}
.legend i{display:inline-block;font-style:normal;padding:0 .4em;border:1px solid #999;margin:0 2px 2px 0}
article{scroll-margin-top:5em;margin:1em 0;padding:.8em 1em;border:1px solid #bbb;border-radius:4px}
.facts{color:#444}
.tokens{font:13px/1.9 ui-monospace,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere;margin-top:.5em}
.tokens span{padding:2px 3px;border-radius:2px;white-space:pre-wrap}
@media print{.legend{position:static}article{break-inside:avoid-page}body{padding:0}}
""" + "".join(f".g{index}{{background:{colour}}}" for index, colour in enumerate(COLOURS))


def render(spec: FailureSpec, scores: Mapping[str, Scores], picked: pd.DataFrame) -> str:
    """The page: legend, table of contents, then students with their cases in the order of the picks."""
    sections = "".join(
        section(name, each, picked[picked.student == name], number)
        for number, (name, each) in enumerate(scores.items())
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Failure cases</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>Failure cases</h1><p>{escape(spec.scale_description)}</p>{introduction(spec)}{legend()}"
        f"{contents(picked, list(scores))}{sections}</body></html>\n"
    )


def introduction(spec: FailureSpec) -> str:
    """How the cases came here."""
    return (
        f"<p>The {spec.cases} longest, most repetitive (share of tokens that complete a 3-gram already "
        "seen) and most disputed (mean |gap|) of every student's own responses, all sampled by the "
        "config's `distill.rollout`; ties go to the smaller number. The gap of a token is log q - log p, "
        "in nats, with student p and teacher q. Point at a token for its probabilities and for what the "
        "teacher would have written.</p>"
    )


def legend() -> str:
    """The classes of the gap with their colours."""
    names = [f"{low:g} to {high:g}" for low, high in pairwise(EDGES)]
    names[0], names[-1] = f"below {EDGES[1]:g}", f"above {EDGES[-2]:g}"
    swatches = "".join(f'<i class="g{index}">{name}</i>' for index, name in enumerate(names))
    return f'<div class="legend">gap in nats: teacher likes it less {swatches} more</div>'


def contents(picked: pd.DataFrame, students: list[str]) -> str:
    """A line per pick that leads to its case."""
    head = ("student", "picked as", "response", "verdict", "tokens", "repeated", "mean gap", "mean |gap|")
    lines = []
    for row in picked.itertuples():
        target = anchor(students.index(row.student), row.response)
        cells = (
            escape(row.student),
            f"{row.rule}, {row.rank}",
            f'<a href="#{target}">{row.response}</a>',
            verdict(row),
            row.tokens,
            f"{100 * row.repeated_trigrams:.0f} %",
            f"{row.mean_gap:+.2f}",
            f"{row.mean_absolute_gap:.2f}",
        )
        lines.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    titles = "".join(f"<th>{title}</th>" for title in head)
    return f'<div class="scroll"><table><tr>{titles}</tr>{"".join(lines)}</table></div>'


def section(student: str, scores: Scores, picked: pd.DataFrame, number: int) -> str:
    """All cases of a student; a response that several rules picked is one case."""
    cases = "".join(
        case(scores, picks, anchor(number, response))
        for response, picks in picked.groupby("response", sort=False)
    )
    return f"<h2>{escape(student)}</h2>{cases}"


def anchor(student: int, response: int) -> str:
    """Where the case of a response stands in the page."""
    return f"s{student}r{response}"


def case(scores: Scores, picks: pd.DataFrame, target: str) -> str:
    """One response: why it is here, what was asked, what came of it, and its tokens."""
    row = next(picks.itertuples())
    reasons = ", ".join(f"{rule} ({rank})" for rule, rank in zip(picks["rule"], picks["rank"], strict=True))
    tokens = scores.tokens[scores.tokens.response == row.response]
    return (
        f'<article id="{target}"><h3>Response {row.response}: {reasons}</h3>'
        f'<p class="facts">{verdict(row)}; {row.tokens} tokens, {100 * row.repeated_trigrams:.0f} % of them '
        f"repeat a 3-gram; mean gap {row.mean_gap:+.2f}, mean |gap| {row.mean_absolute_gap:.2f} nats</p>"
        f'<p>{escape(row.question)}</p><div class="tokens">{spans(tokens)}</div></article>'
    )


def verdict(row: Any) -> str:
    """What the environment said of a response."""
    if row.correct:
        return "correct"
    return "wrong" if row.finished else "cut off"


def spans(tokens: pd.DataFrame) -> str:
    """A span per token; of a very long response its two ends."""
    shown = [span(row) for row in tokens.itertuples()]
    if (hidden := len(shown) - _SHOWN) > 0:
        shown[_SHOWN // 2 : -_SHOWN // 2] = [f"<em>… {hidden:,} tokens left out …</em>"]
    return "\n".join(shown)


def span(row: Any) -> str:
    """A token, coloured by its gap; the rest is in its title."""
    gap_class = int(np.digitize(row.gap, EDGES[1:-1]))
    title = (
        f"p {np.exp(row.log_p):.3g}, q {np.exp(row.log_q):.3g}, gap {row.gap:+.2f} nats; "
        f"the teacher's favourite: {row.favourite} ({np.exp(row.favourite_log_q):.3g})"
    )
    # White space alone would be invisible; a line break still breaks the line.
    text = escape(row.text).replace("\n", "↵\n") or "∅"
    return f'<span class="g{gap_class}" title="{escape(title)}">{text}</span>'
