"""Render a study's table as Markdown, HTML and LaTeX from one frame of formatted cells."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from eval.report.page import page, paragraphs
from eval.spec import ProtocolSpec, RowSpec, TableSpec
from opd.spec import SamplingSpec
from programs.provenance import provenance

_MISSING = "-"
Paper = Mapping[str, Mapping[str, float]]  # column -> row -> value


def render(
    spec: TableSpec, table: pd.DataFrame, rates: pd.DataFrame, paper: Paper, code: str, asked: Sequence[str]
) -> dict[str, str]:
    """The renderings by file suffix; `code` says what trained the rows, `asked` which suites and games."""
    cells = format_cells(spec, table, rates, paper)
    notes = footnotes(spec, table, cells, code, asked)
    markdown = f"### {spec.title}\n\n{cells.to_markdown(index=False, disable_numparse=True)}\n\n"
    markdown += "\n".join(f"- {note}" for note in notes) + "\n"
    html = page(spec.title, cells.to_html(index=False, border=0), paragraphs(notes))
    commented = "".join(f"% {note}\n" for note in notes)
    latex = commented + cells.to_latex(
        index=False, escape=True, column_format="l" + "r" * (cells.shape[1] - 1)
    )
    return {"md": markdown, "html": html, "tex": latex}


def format_cells(spec: TableSpec, table: pd.DataFrame, rates: pd.DataFrame, paper: Paper) -> pd.DataFrame:
    """The table as people read it: one line per row, formatted strings in every cell."""
    lines = []
    for row in spec.rows:
        of_row = table[table.row == row.row]
        cells, games = of_row.set_index(["protocol", "column"]).sort_index(), of_row.set_index("column")
        shown = cells.loc[spec.protocol]
        lines.append(
            {"method": row.label, "seeds": str(int(shown.loc["average"].seeds))}
            | scores(spec, shown, games, suites_of(spec, table))
            | comparisons(spec, row.row, shown, games)
            | greedy_average(spec, cells)
            | handled(rates, row.row)
            | conduct(spec, games)
            | scores_of_some_suites(spec, cells)
            | published(spec, row, paper)
        )
    return pd.DataFrame(lines)


def suites_of(spec: TableSpec, table: pd.DataFrame) -> list[str]:
    """The suites of the table's protocol, in order."""
    columns = list(table[table.protocol == spec.protocol].column.unique())
    return columns[: columns.index("average")]


def scores(spec: TableSpec, shown: pd.DataFrame, games: pd.DataFrame, suites: list[str]) -> dict[str, str]:
    """What a row scores on panels and suites."""
    found = {f"ALFWorld {panel} [95 %]": with_interval(games.loc[panel]) for panel in spec.panels}
    found |= {suite: with_spread(shown.loc[suite]) for suite in suites}
    found["average [95 %]"] = with_interval(shown.loc["average"])
    return found | ({"clean subset": with_spread(shown.loc["clean subset"])} if spec.contamination else {})


def comparisons(spec: TableSpec, row: str, shown: pd.DataFrame, games: pd.DataFrame) -> dict[str, str]:
    """How a row compares with its reference, on panels and suites, and which that is if rows have several."""
    found: dict[str, str] = {}
    if several_references(spec):
        found["reference"] = label_of(spec, spec.pairs[row]) if row in spec.pairs else _MISSING
    alone = "reference" if row in spec.pairs.values() else _MISSING
    for panel in spec.panels:
        found |= compared(games, f"{panel} difference", f"ALFWorld {panel} ", alone)
    return found | compared(shown, "difference", "average " if spec.panels else "", alone)


def several_references(spec: TableSpec) -> bool:
    """Whether rows are compared with different ones."""
    return len(set(spec.pairs.values())) > 1


def label_of(spec: TableSpec, name: str) -> str:
    """What the table prints for a row of that name."""
    return next(row.label for row in spec.rows if row.row == name)


def greedy_average(spec: TableSpec, cells: pd.DataFrame) -> dict[str, str]:
    """A row's average under a greedy protocol of all suites, if there is one beside the table's own."""
    whole = [protocol for protocol in spec.evaluation.protocols if protocol.suites is None]
    greedy = next((protocol.name for protocol in whole if protocol.sampling.temperature == 0), None)
    if greedy in (None, spec.protocol):
        return {}
    return {"greedy average": with_spread(cells.loc[greedy].loc["average"])}


def handled(rates: pd.DataFrame, row: str) -> dict[str, str]:
    """What other rules would change, what ended at the cap or was not graded, and how long responses are."""
    variants = [variant for variant in ("strict", "lenient") if rates[variant].any()]
    found = {variant: f"{rates[variant][row]:+z.1f}" for variant in variants}
    found["truncated"] = f"{rates.truncated[row]:.1f}"
    if rates.ungraded.any():
        found["ungraded"] = f"{rates.ungraded[row]:.1f}"
    return found | {"tokens": f"{rates.tokens[row]:.0f}"}


def scores_of_some_suites(spec: TableSpec, cells: pd.DataFrame) -> dict[str, str]:
    """What a row scores under the protocols that name their suites."""
    return {
        f"{suite} {other.name} [95 %]": with_interval(cells.loc[other.name].loc[suite])
        for other in of_some_suites(spec)
        for suite in other.suites or ()
    }


def of_some_suites(spec: TableSpec) -> list[ProtocolSpec]:
    """The protocols that name their suites."""
    return [protocol for protocol in spec.evaluation.protocols if protocol.suites is not None]


def compared(cells: pd.DataFrame, column: str, prefix: str, alone: str) -> dict[str, str]:
    """The cells that compare a row with its reference; `alone` is for one that is compared with none."""
    names = (f"{prefix}vs. reference [95 %]", f"{prefix}MDD", f"{prefix}p (Holm)")
    if column not in cells.index:
        return dict(zip(names, (alone, _MISSING, _MISSING), strict=True))
    found = cells.loc[column]
    texts = (with_interval(found, "+"), points_text(found.detectable), p_text(found.p_holm))
    return dict(zip(names, texts, strict=True))


def conduct(spec: TableSpec, games: pd.DataFrame) -> dict[str, str]:
    """How a row played each panel, whatever came of it."""
    names = {"turns": "turns", "invalid format": "invalid_format", "inadmissible": "inadmissible"}
    return {
        f"{panel} {name}": f"{games.loc[panel][column]:.1f}"
        for panel in spec.panels
        for name, column in names.items()
    }


def published(spec: TableSpec, row: RowSpec, paper: Paper) -> dict[str, str]:
    """The paper's values of a row."""
    found = {name: paper[column].get(row.paper_row or "") for name, column in paper_headings(spec).items()}
    return {name: _MISSING if value is None else f"{value:.1f}" for name, value in found.items()}


def paper_headings(spec: TableSpec) -> dict[str, str]:
    """Heading -> column of the paper's table, if it has such a table."""
    if spec.paper_table is None:
        return {}
    scale = "" if spec.paper_scale else " (7B, other scale)"
    return {f"paper {column}{scale}": column for column in spec.paper_columns}


def p_text(p: float) -> str:
    """A p value with three decimals, `< 0.001` below that, `-` where there is none."""
    if math.isnan(p):
        return _MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def points_text(points: float) -> str:
    """A number of points with one decimal, `-` where there is none."""
    return _MISSING if math.isnan(points) else f"{points:.1f}"


def with_spread(cell: pd.Series, sign: str = "") -> str:
    """`mean ± standard deviation over seeds`, or the mean alone for a single model; no zero is negative."""
    spread = "" if math.isnan(cell.seed_spread) else f" ± {cell.seed_spread:.1f}"
    return f"{cell['mean']:{sign}z.1f}{spread}"


def with_interval(cell: pd.Series, sign: str = "") -> str:
    """`mean ± spread [low, high]`; `sign` is that of a format, "+" for differences."""
    return f"{with_spread(cell, sign)} [{cell.low:{sign}z.1f}, {cell.high:{sign}z.1f}]"


def alike(spec: TableSpec, table: pd.DataFrame) -> list[str]:
    """A note on the differences whose seeds agree, perhaps by chance, of the suites and of each panel.

    See `eval.statistics.crossed.Estimate.seeds_alike`.
    """
    kinds = {"difference": "", **{f"{panel} difference": f" on {panel}" for panel in spec.panels}}
    shown = table[(table.column != "difference") | (table.protocol == spec.protocol)]
    notes = []
    for column, where in kinds.items():
        lines = shown[shown.column == column].set_index("row")
        labels = [row.label for row in spec.rows if row.row in lines.index and lines.seeds_alike[row.row]]
        if labels:
            notes.append(
                f"Seeds agree more closely than the noise of their answers{where} in the difference of "
                f"{'; '.join(labels)}: the interval is over problems alone, and too short if that is chance."
            )
    return notes


def footnotes(
    spec: TableSpec, table: pd.DataFrame, cells: pd.DataFrame, code: str, asked: Sequence[str]
) -> list[str]:
    """Scale, protocol, meaning of the columns, missing cells, code version and rebuild command."""
    made = f"Trained with {code}; rendered" if code else "Rendered"
    return [
        f"Scale: {spec.scale} ({spec.scale_description}).",
        *scoring_notes(spec),
        *asked,
        *comparison_notes(spec, table),
        f"{not_correct(cells)}; tokens: mean per response. Missing cells are shown as {_MISSING}.",
        f"{made} with {provenance()['commit']}. Rebuild: {spec.rebuild}",
        *column_notes(spec, cells),
        *paper_notes(spec, cells),
        *spec.notes,
    ]


def scoring_notes(spec: TableSpec) -> list[str]:
    """What a score is, under each protocol."""
    evaluation = spec.evaluation
    protocol = next(p for p in evaluation.protocols if p.name == spec.protocol)
    # A suite that has fewer is asked whole.
    most = f"at most {evaluation.problems_per_suite}" if evaluation.problems_per_suite else "all"
    return [
        f"Scores: percentage correct, {protocol.samples} sample(s) per problem, "
        f"{most} problems per suite, {in_words(protocol.sampling)}; ± is "
        "the standard deviation over training seeds. What has one seed, and every model that others start "
        "from or learn from, is one checkpoint: no interval speaks of another.",
        *(
            f"{', '.join(other.suites or ())} {other.name}: {other.samples} sample(s) per problem, "
            f"{in_words(other.sampling)}."
            for other in of_some_suites(spec)
        ),
    ]


def comparison_notes(spec: TableSpec, table: pd.DataFrame) -> list[str]:
    """What intervals, differences and their p values are."""
    several = several_references(spec)
    reference = "the row that each row names" if several else label_of(spec, spec.reference_row)
    return [
        "Intervals: 95 %, clustered by problem and by training seed; the difference is paired by "
        f"problem and seed; reference: {reference}.",
        *alike(spec, table),
        "MDD: minimal detectable difference, the true difference that a comparison with these problems and "
        "seeds finds in 80 % of cases, estimated from the same seeds; where the difference is smaller, not "
        "significant does not mean equal. p (Holm): two-sided p of the difference, consistent with its "
        f"interval but adjusted for the {len(spec.pairs)} row(s) compared.",
    ]


def column_notes(spec: TableSpec, cells: pd.DataFrame) -> list[str]:
    """What the columns mean that not every table has."""
    notes = []
    if {"strict", "lenient"} & set(cells):
        notes.append(
            "strict, lenient: points by which strict conventions and lenient extraction move the share of "
            "correct samples, all suites pooled (docs/evaluation.md)."
        )
    if spec.contamination:
        notes.append("clean subset: the average without problems that the training prompts hold or resemble.")
    if spec.panels:
        notes.append(
            "A game counts as a problem in intervals and pairs; p of a panel is adjusted apart from the "
            "average's. turns: mean per episode; invalid format: percentage of turns without a command in "
            "the protocol's form; inadmissible: percentage of commands that the game did not offer. A turn "
            "of invalid format is a command, too, and counts in both if what is read from it was not offered."
        )
    return notes


def in_words(sampling: SamplingSpec) -> str:
    """How responses were drawn."""
    return (
        f"temperature {sampling.temperature:g}, top-p {sampling.top_p:g}, "
        f"at most {sampling.max_new_tokens} tokens"
    )


def not_correct(cells: pd.DataFrame) -> str:
    """What the percentage of correct samples leaves out beside wrong ones."""
    if "ungraded" not in cells:
        return "truncated: percentage of samples at the token cap, counted as not correct"
    return (
        "truncated: percentage of samples at the token cap; ungraded: percentage of samples on which the "
        "grader failed, which may be right or wrong; both are counted as not correct"
    )


def paper_notes(spec: TableSpec, cells: pd.DataFrame) -> list[str]:
    """Where the paper's values come from, and which rows have none."""
    if spec.paper_table is None:
        return []
    columns = ", ".join(spec.paper_columns)
    scale = "the scale of this table, one run per row."
    if not spec.paper_scale:
        scale = "7B models, another scale, there for the ordering and not for the level."
    notes = [f"Paper: arXiv 2603.25562, {spec.paper_table}, {columns}; {scale}"]
    missing = (cells[list(paper_headings(spec))] == _MISSING).all(axis=1)
    if missing.any():
        notes.append(f"No counterpart in the paper: {'; '.join(cells.method[missing])}.")
    return notes
