"""Specs of evaluation jobs. Loads no torch."""

from typing import Literal, Self

from pydantic import Field, model_validator

import envs
from opd.rollout import ENGINES
from opd.spec import SamplingSpec
from programs.spec import Count, Distinct, OnlyRounding, Spec, distinct


class ProtocolSpec(Spec):
    """One way of answering suites: `samples` responses per problem under `sampling`."""

    name: str
    samples: Count
    sampling: SamplingSpec
    suites: Distinct[str] | None = Field(
        None, min_length=1, description="the only suites that are answered so; null: all of the evaluation"
    )

    def asks(self, suite: str) -> bool:
        """Whether the suite is answered under this protocol."""
        return self.suites is None or suite in self.suites

    @model_validator(mode="after")
    def _greedy_is_one_sample(self) -> Self:
        if self.sampling.temperature == 0 and self.samples > 1:
            raise ValueError("greedy samples are copies of one another; write samples: 1")
        return self


class EvaluationSpec(Spec):
    """What is asked, and how often: every suite under every protocol that does not name others."""

    environment: envs.Name
    suites: Distinct[str] | None = Field(None, description="null: those that the environment names")
    problems_per_suite: Count | None = Field(description="null: whole suites")
    protocols: tuple[ProtocolSpec, ...]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        distinct(protocol.name for protocol in self.protocols)
        environment = envs.load(self.environment)
        known = self.suites or environment.suites
        for suite in known:
            environment.check_suite(suite, self.problems_per_suite)
        for protocol in self.protocols:
            if strange := [suite for suite in protocol.suites or () if suite not in known]:
                raise ValueError(
                    f"protocol {protocol.name!r} names {', '.join(strange)}; "
                    f"the suites are {', '.join(known)}"
                )
        return self


class GenerateSpec(EvaluationSpec):
    """The responses of one model."""

    run: str = Field(
        "evaluation",
        description="names the random streams: sample j of a problem draws from `run/suite/problem/j`, so "
        "models asked under one run share their luck",
    )
    prompt: envs.Prompt | None = Field(
        None,
        description="what is asked in the place of the question: {question}, and what the model is told "
        "besides, such as {answer}; null: the question",
    )
    engine: Literal[ENGINES] = Field("torch", description="what decodes")  # type: ignore[valid-type]
    strict: bool = Field(False, description="refuse suites whose checksum is not a known one")
    token_ids: bool = Field(False, description="store the responses' token ids too, some 6 bytes per token")
    batch_size: OnlyRounding[Count] = Field(
        description="responses decoded together; in float32 does not change them"
    )

    @model_validator(mode="after")
    def _prompt_can_be_filled_in(self) -> Self:
        envs.check_prompt(self.prompt, self.environment)
        return self


class SubjectSpec(Spec):
    """One evaluated model: the table row that it counts for, its seed, its responses and its games."""

    row: str
    seed: int
    responses: str
    episodes: dict[str, str] = Field(
        {}, description="panel of ALFWorld's games -> folder that `python -m eval.alfworld` wrote"
    )


class ScoreSpec(EvaluationSpec):
    """The models of one study."""

    subjects: tuple[SubjectSpec, ...]

    @model_validator(mode="after")
    def _all_play_the_same_panels(self) -> Self:
        panels = {panel for subject in self.subjects for panel in subject.episodes}
        for subject in self.subjects:
            if missing := panels - set(subject.episodes):
                raise ValueError(
                    f"{subject.row}, seed {subject.seed}, has no episodes of {', '.join(sorted(missing))}, "
                    "which others have; rows are compared on the same games"
                )
        return self


class RowSpec(Spec):
    """A table row: its name in the long table, what to print, and what it is compared with."""

    row: str
    label: str
    against: str | None = Field(
        None, description="row that it is compared with; itself: none; null: the table's reference"
    )
    paper_row: str | None = Field(None, description="row of `paper_table` in paper_reference.csv")


class TableSpec(Spec):
    """How a study is rendered."""

    title: str
    scale: str
    scale_description: str
    protocol: str = Field(description="protocol of the suite columns")
    paper_scale: bool = Field(False, description="models, data and suites are the paper's: levels compare")
    paper_table: str | None
    paper_columns: tuple[str, ...] = Field(description="columns of the paper's table shown beside ours")
    panels: tuple[str, ...] = Field((), description="panels of ALFWorld's games, not part of the average")
    reference_row: str = Field(description="row that others are compared with, paired by problem")
    rows: tuple[RowSpec, ...]
    evaluation: EvaluationSpec
    contamination: str | None = Field(
        None, description="report of `python -m eval.suites contamination`: adds the clean-subset column"
    )
    runs: dict[str, str] = Field(
        description="run.json of every model in the table whose maker writes one -> hash of its row's recipe"
    )
    rebuild: str = Field(description="command that rebuilds the table")
    notes: tuple[str, ...] = Field((), description="what else a reader must know, printed under the table")

    @property
    def pairs(self) -> dict[str, str]:
        """Row -> the row that it is compared with, of those that are compared with another."""
        against = {row.row: row.against or self.reference_row for row in self.rows}
        return {row: other for row, other in against.items() if row != other}


class CurveSpec(Spec):
    """One line of the training curves: a label and its runs, `seed -> metrics.jsonl`."""

    label: str
    metrics: dict[int, str]


class CurvesSpec(Spec):
    """The training curves of a study."""

    title: str
    scale_description: str
    curves: tuple[CurveSpec, ...]


class SweepPointSpec(Spec):
    """A table row as a point of a sweep."""

    row: str
    method: str
    value: float | str


class SweepSpec(Spec):
    """How the table of an ablation is drawn: score against the value of a knob, a line per method."""

    title: str
    knob: str
    protocol: str
    points: tuple[SweepPointSpec, ...]
