"""Specs of the claims ledger: claims, the comparisons that test them, and which studies were run.

A comparison gives an effect, first minus second or value minus constant. Loads no torch.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from eval.report.window import WHOLE, Window, in_words
from programs.spec import Rate, Spec

Direction = Literal["above", "below", "little", "at_most"]
Scalar = str | float
Names = str | Annotated[tuple[str, ...], Field(min_length=2)]


class Comparison(Spec):
    """What all comparisons say: where the numbers come from and what the claim expects of the effect."""

    study: str
    direction: Direction = Field(
        description="of the effect, as claimed; little: smaller than matters; at_most: not above by that"
    )
    matters: Rate = Field(description="smallest effect that would matter, in `unit`")
    unit: str

    @property
    def rows(self) -> tuple[str, ...]:
        """Labels of the study's rows that are compared."""
        return ()

    @property
    def panels(self) -> tuple[str, ...]:
        """Panels of games of which the first that the study plays counts; empty where none does."""
        return ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects of the study that are compared."""
        return ()

    @property
    def files(self) -> tuple[str, ...]:
        """What is read, relative to the folder of results."""
        raise NotImplementedError

    @property
    def words(self) -> str:
        """The effect in words."""
        raise NotImplementedError


class ScoreComparison(Comparison):
    """Difference of two rows' scores, paired by problem and seed: average over suites, or success on a panel.

    Of several rows the one with the highest training success is taken; the suites have no say in it.
    """

    unit: str = "points"
    row: Names
    against: Names
    panel: Names | None = Field(
        None,
        description="of ALFWorld's games, instead of the suites; of several the first that the study plays",
    )

    @property
    def rows(self) -> tuple[str, ...]:
        return (*several(self.row), *several(self.against))

    @property
    def panels(self) -> tuple[str, ...]:
        return several(self.panel) if self.panel else ()

    @property
    def files(self) -> tuple[str, ...]:
        chosen = isinstance(self.row, tuple) or isinstance(self.against, tuple)
        names = ("scores.csv", "curves.csv") if chosen else ("scores.csv",)
        return tuple(f"studies/{self.study}/{name}" for name in names)

    @property
    def words(self) -> str:
        score = f"success on {' or else '.join(self.panels)}" if self.panel else "average of the suites"
        sides = (
            rows if isinstance(rows, str) else f"best of ({'; '.join(rows)})"
            for rows in (self.row, self.against)
        )
        return f"{score}: {' - '.join(sides)}"


class CurveSide(Spec):
    """One side of a curve comparison."""

    row: str
    metric: Names = Field(
        description="see opd.diagnostics.metrics; gap_by_position_0 to 7 are eighths of the cap. "
        "Of several: their slope"
    )
    window: Window = Field(WHOLE, description="part of the run, [from, to) or first_step")


class CurveChange(Spec):
    """How the second side of a curve comparison differs from the first."""

    row: str | None = None
    metric: Names | None = None
    window: Window | None = None


class CurveComparison(Comparison, CurveSide):
    """A diagnostic averaged over a part of training, against a constant or another row, metric or part."""

    against: CurveChange | None = None
    value: float | None = None
    scale: Literal["difference", "log_ratio"] = "difference"

    @model_validator(mode="after")
    def _has_one_second_side(self) -> Self:
        if (self.against is None) == (self.value is None):
            raise ValueError("write either against or value")
        return self

    @property
    def first(self) -> CurveSide:
        """The first side."""
        return CurveSide(row=self.row, metric=self.metric, window=self.window)

    @property
    def second(self) -> CurveSide | None:
        """The second side; None where it is a constant."""
        if self.against is None:
            return None
        return CurveSide(**self.first.model_dump() | self.against.model_dump(exclude_none=True))

    @property
    def rows(self) -> tuple[str, ...]:
        return (self.row, self.second.row) if self.second else (self.row,)

    @property
    def files(self) -> tuple[str, ...]:
        return (f"studies/{self.study}/curves.csv",)

    @property
    def words(self) -> str:
        first = f"{_metric(self.metric)}: {self._in_words(self.first)}"
        if self.second is None:
            return less(first, self.value)
        second = self._in_words(self.second)
        return f"log of {first} / {second}" if self.scale == "log_ratio" else f"{first} - {second}"

    def _in_words(self, side: CurveSide) -> str:
        metric = "" if side.metric == self.metric else f"{_metric(side.metric)} of "
        part = "" if side.window == WHOLE else f" ({in_words(side.window)})"
        return f"{metric}{side.row}{part}"


class TableComparison(Comparison):
    """Something that a table of a study says, against a constant."""

    file: str = Field(description="relative to the folder of results")
    value: float

    @property
    def files(self) -> tuple[str, ...]:
        return (self.file,)


class LineComparison(TableComparison):
    """One line of a table that a study writes, with its interval, against a constant.

    Columns `low` and `high`; `standard_error` and `freedom` where the table has them.
    """

    where: dict[str, Scalar] = Field(description="column -> value; exactly one line has them all")
    mean: str = Field("mean", description="column of the estimate")
    clusters: str = Field("clusters", description="column of how many clusters the interval is over")

    @property
    def subjects(self) -> tuple[str, ...]:
        return (str(self.where["subject"]),) if "subject" in self.where else ()

    @property
    def words(self) -> str:
        where = ", ".join(f"{column} {value}" for column, value in self.where.items())
        return less(f"{self.mean} of {where}", self.value)


class OrderComparison(TableComparison):
    """Share of groups in which a column grows strictly with another, over clusters, against a constant."""

    unit: str = "share"
    where: dict[str, tuple[Scalar, ...]] = Field({}, description="column -> values of the lines that count")
    column: str
    grows_with: str
    clusters: tuple[str, ...] = Field(min_length=1, description="columns; the interval is over them")
    within: tuple[str, ...] = Field((), description="columns that tell a cluster's groups apart")

    @property
    def words(self) -> str:
        where = "; ".join(f"{column} {', '.join(map(str, values))}" for column, values in self.where.items())
        groups = ", ".join((*self.clusters, *self.within)) + (f"; {where}" if where else "")
        return less(f"share in which {self.column} grows with {self.grows_with} (per {groups})", self.value)


class Claim(Spec):
    """A sentence of a paper and the one comparison that tests it, or `why_not` where nothing here can."""

    name: str
    sentence: str = Field(description="as the paper claims it")
    paper: str = "2603.25562"
    place: str = Field(description="section, table or figure")
    extends: bool = Field(False, description="the sentence asks more than the paper says")
    score: ScoreComparison | None = None
    curve: CurveComparison | None = None
    line: LineComparison | None = None
    order: OrderComparison | None = None
    why_not: str | None = None
    caveat: str | None = Field(None, description="what the verdict does not say")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        ways = ("score", "curve", "line", "order", "why_not")
        if sum(getattr(self, way) is not None for way in ways) != 1:
            raise ValueError(f"claim {self.name!r}: write exactly one of {', '.join(ways)}")
        return self

    @property
    def test(self) -> Comparison | None:
        """The comparison; None where the claim says `why_not`."""
        return self.score or self.curve or self.line or self.order


class Ledger(Spec):
    """workflows/claims.yaml."""

    claims: tuple[Claim, ...]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [claim.name for claim in self.claims]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two claims are called {', '.join(sorted(twice))}")
        return self


class StudyState(Spec):
    """A study that exists at this scale."""

    rows: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    run: bool = Field(description="false: it is not among the studies that count here")
    rebuild: str = Field(description="command that runs it")


class ClaimsSpec(Spec):
    """One ledger of one scale."""

    title: str
    scale: str
    scale_description: str
    results: str = Field(description="folder of the scale's results")
    protocol: str = Field(description="protocol of the scores")
    claims: tuple[Claim, ...]
    studies: dict[str, StudyState]
    rebuild: str = Field(description="command that rebuilds the ledger")


def less(words: str, constant: float | None) -> str:
    """The difference to a constant in words."""
    return f"{words} - {constant:g}" if constant else words


def _metric(metric: Names) -> str:
    return metric if isinstance(metric, str) else f"slope over {metric[0]} to {metric[-1]}"


def several(names: Names) -> tuple[str, ...]:
    """The names as a tuple."""
    return names if isinstance(names, tuple) else (names,)
