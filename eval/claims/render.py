"""The ledger as a page, in Markdown and HTML: a count, a table per verdict, notes."""

import math

import pandas as pd

from eval.claims.spec import ClaimsSpec
from eval.claims.verdict import VERDICTS
from eval.report.page import page, paragraphs
from programs.provenance import provenance

# Sentences, not numbers.
_STYLE = "th,td{text-align:left;vertical-align:top;white-space:normal}"
_EXPECTED = {
    "above": "at least +{}",
    "below": "at most -{}",
    "little": "less than ±{}",
    "at_most": "less than +{}",
}


def render(spec: ClaimsSpec, ledger: pd.DataFrame) -> dict[str, str]:
    """The renderings by file suffix."""
    notes = footnotes(spec)
    tables = {name: cells(ledger[ledger.verdict == name]) for name in VERDICTS}
    found = {name: table for name, table in tables.items() if len(table)}
    markdown = [f"# {spec.title}", count(ledger)]
    parts = [f"<p><b>{count(ledger)}</b></p>"]
    for name, table in found.items():
        markdown += [f"## {name.capitalize()}", table.to_markdown(index=False, disable_numparse=True)]
        parts += [f"<h3>{name.capitalize()}</h3>", table.to_html(index=False, border=0)]
    markdown.append("\n".join(f"- {note}" for note in notes))
    html = page(spec.title, *parts, paragraphs(notes), style=_STYLE)
    return {"md": "\n\n".join(markdown) + "\n", "html": html}


def summary(ledger: pd.DataFrame) -> str:
    """How many claims of each paper, and how many that go beyond it, have which verdict, in Markdown."""
    lines = [
        {"paper": _paper(f"arXiv {paper}", extends), "claims": len(claims), **_of_verdicts(claims)}
        for (paper, extends), claims in ledger.groupby(["paper", "extends"], sort=False)
    ]
    return f"{pd.DataFrame(lines).to_markdown(index=False)}\n"


def count(ledger: pd.DataFrame) -> str:
    """How many claims there are of each verdict, in words, and how many that go beyond the papers."""
    kinds = {"claims": ledger[~ledger.extends], "that ask more than the papers say": ledger[ledger.extends]}
    return " ".join(
        f"{len(claims)} {kind}: {_counted(claims)}." for kind, claims in kinds.items() if len(claims)
    )


def _counted(ledger: pd.DataFrame) -> str:
    return ", ".join(f"{number} {name}" for name, number in _of_verdicts(ledger).items())


def _paper(name: str, extends: bool) -> str:
    return f"beyond {name}" if extends else name


def _of_verdicts(ledger: pd.DataFrame) -> dict[str, int]:
    return {name: int((ledger.verdict == name).sum()) for name in VERDICTS}


def cells(ledger: pd.DataFrame) -> pd.DataFrame:
    """The claims of one verdict as people read them, strings in every cell."""
    return pd.DataFrame([_cells(line) for _, line in ledger.iterrows()])


def _cells(line: pd.Series) -> dict[str, str]:
    matters = _number(line.matters, "g")
    return {
        "claim": line.sentence,
        "paper": _paper(line.paper, line.extends),
        "place": line.place,
        "comparison": _text(line.comparison),
        "effect [95 %]": effect(line),
        "claimed": _EXPECTED[line.direction].format(f"{matters} {line.unit}") if line.direction else "-",
        "seeds": _number(line.seeds, ".0f"),
        "clusters": _number(line.clusters, ".0f"),
        "power": _number(line.power, ".2f"),
        "detectable": _number(line.detectable, ".2g"),
        "study": _text(line.study),
        "reason": line.reason or "-",
    }


def effect(line: pd.Series) -> str:
    """`mean [low, high] unit`, three digits; `-` where nothing was measured."""
    if math.isnan(line.effect):
        return "-"
    low, high = (_number(value, "+.3g") for value in (line.low, line.high))
    return f"{line.effect:+.3g} [{low}, {high}] {line.unit}"


def _number(value: float, form: str) -> str:
    return "-" if pd.isna(value) else f"{value:{form}}"


def _text(value: str | None) -> str:
    return value or "-"


def footnotes(spec: ClaimsSpec) -> list[str]:
    """Scale, how to read the columns, code version and rebuild command."""
    return [
        f"Scale: {spec.scale} ({spec.scale_description}).",
        "beyond: the sentence asks more than the paper says, or of what it did not try.",
        "effect: first minus second, or value minus constant, whichever the comparison says; claimed: the "
        "effect that the claim expects, with the smallest size that would matter.",
        "supported: the interval leaves zero out on the claimed side and the effect is large enough to "
        "matter. contradicted: the whole interval lies below what would matter. undecided: neither. For "
        "claims of little effect, supported: the whole interval is smaller than what would matter; "
        "contradicted: it leaves zero out and the effect matters. For claims of at most an effect (less than "
        "+) the same, of the upper end alone.",
        f"Scores: protocol {spec.protocol}, paired by problem and training seed. Training curves: paired by "
        "training seed. Intervals are not corrected for the number of claims.",
        "clusters: problems, games or pairs that the interval is over besides seeds; power: chance to find a "
        "true effect of the size that matters; detectable: true effect found in 80 % of cases. Missing cells "
        "are shown as -.",
        f"Computed with {provenance()['commit']}. Rebuild: {spec.rebuild}",
    ]
