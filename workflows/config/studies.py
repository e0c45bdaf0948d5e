"""What a config compares: studies with their rows, ablations, and the signal study."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from programs.spec import Count, Distinct, OnlyRounding, Seed, Spec
from workflows.config.names import Base, Mention

_EXPONENT = re.compile(r"[\d.]+e[+-]?\d+", re.I)


def _on_an_axis(value: Any) -> Any:
    """A value that a sweep can be drawn at and a run named by."""
    if not isinstance(value, int | float | str):
        raise ValueError("write a number or a text; compare lists, maps and null as methods, in a study")
    # To YAML 1e-4 is a text: its numbers of this form have a point.
    return float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value


KnobValue = Annotated[Any, AfterValidator(_on_an_axis)]


class SubjectConfig(Spec):
    """What is looked at: a method in an experiment, or a model as it is."""

    label: str
    model: str | None = None
    experiment: str | None = None
    method: str | None = None

    @model_validator(mode="after")
    def _model_or_run(self) -> Self:
        run = self.experiment is not None and self.method is not None
        partial = self.experiment is not None or self.method is not None
        if (self.model is not None) == run or (self.model is not None and partial):
            raise ValueError(f"row {self.label!r}: write either model, or experiment and method")
        return self

    def mentions(self, place: str) -> Iterator[Mention]:
        """What it is, by name."""
        if self.model:
            yield f"{place}: {self.label}", "model", self.model
        if self.experiment:
            yield f"{place}: {self.label}", "experiment", self.experiment


class RowConfig(SubjectConfig):
    """A table row."""

    prompt: str | None = Field(None, description="what it is asked; null: the questions of the suites alone")
    against: str | None = Field(
        None,
        description="label of the row that it is compared with; its own: none; null: the study's reference",
    )
    paper_row: str | None = Field(None, description="its counterpart in results/paper_reference.csv")

    def mentions(self, place: str) -> Iterator[Mention]:
        """The same, and what it is asked."""
        yield from super().mentions(place)
        if self.prompt:
            yield f"{place}: {self.label}", "prompt", self.prompt


class SignalConfig(Spec):
    """What the teacher says of sampled tokens, and responses of trained students that went wrong."""

    student: str = Field(description="model whose first responses are scored")
    teacher: str = Field(description="model that scores them")
    respelled: str | None = Field(
        None, description="model that spells markers differently, if there is one; may be the teacher itself"
    )
    responses: Count = Field(256, description="training problems, one response each")
    batch_size: OnlyRounding[Count] = Field(256, description="responses decoded at a time; bounds memory")
    tokens_per_forward: OnlyRounding[Count] | None = Field(
        None, description="padded tokens in one forward pass; null: as many as in training"
    )
    failures: tuple[SubjectConfig, ...] = Field(
        min_length=1, description="students whose failure cases are shown, at the first seed"
    )

    @field_validator("failures")
    @classmethod
    def _labels_name_folders(cls, failures: tuple[SubjectConfig, ...]) -> tuple[SubjectConfig, ...]:
        labels = [row.label for row in failures]
        if len(set(labels)) < len(labels):
            raise ValueError(f"two rows share a label: {labels}; write another for each")
        if named := [label for label in labels if "=" in label]:  # the program takes LABEL=FOLDER
            raise ValueError(f"label {named[0]!r} has a `=`; write it without")
        return failures

    def mentions(self, place: str) -> Iterator[Mention]:
        """Its models, and the rows of the failure cases."""
        for key in ("student", "teacher", "respelled"):
            if named := getattr(self, key):
                yield f"{place}.{key}", "model", named
        for row in self.failures:
            yield from row.mentions(f"{place}.failures")


class StudyConfig(Spec):
    """The rows behind one table, and the one they are compared with."""

    title: str
    paper_table: str | None = None
    paper_columns: tuple[str, ...] = ("Avg",)
    panels: Distinct[str] = Field((), description="panels of games that its rows play, besides all suites")
    in_all: bool = Field(True, description="false: part of the target `full`, not of `all`")
    seeds: Distinct[Seed] | None = Field(None, min_length=1, description="null: the config's")
    notes: tuple[str, ...] = Field((), description="what readers of the table should know besides")
    reference: str = Field(description="label of the row that those without `against` are compared with")
    rows: tuple[RowConfig, ...] = Field(min_length=1)

    def mentions(self, place: str) -> Iterator[Mention]:
        """Its panels and its rows'."""
        yield from ((f"{place}.panels", "panel", panel) for panel in self.panels)
        for row in self.rows:
            yield from row.mentions(place)

    @model_validator(mode="after")
    def _reference_is_a_row(self) -> Self:
        labels = [row.label for row in self.rows]
        if self.reference not in labels:
            raise ValueError(f"reference {self.reference!r} is none of the rows {labels}")
        for row in self.rows:
            if row.against and row.against not in labels:
                raise ValueError(f"row {row.label!r} is against {row.against!r}, none of the rows {labels}")
        if len(set(labels)) < len(labels):
            raise ValueError(f"two rows share a label: {labels}")
        return self

    @model_validator(mode="after")
    def _prompts_are_of_questions(self) -> Self:
        if self.panels and (asked := [row.label for row in self.rows if row.prompt]):
            raise ValueError(
                f"the prompt of {asked[0]!r} is put around questions, and panels have none; remove it, or "
                "write a study of its own without panels"
            )
        return self


class AblationConfig(Spec):
    """One knob of one method or of several, varied: a file of workflows/ablations/."""

    title: str
    experiment: str
    methods: dict[str, str] = Field(min_length=1, description="label -> method that is varied")
    knob: str = Field(description="dotted path of a key of the run spec, such as rollout.top_p")
    values: dict[Base, tuple[KnobValue, ...]] = Field(
        description="values per scale; a missing scale skips it"
    )
    reference: dict[Base, KnobValue] = Field(
        description="value per scale that a method's other values are compared with"
    )
    seeds: dict[Base, Distinct[Seed]] = Field({}, description="per scale; a missing scale has the config's")
    notes: tuple[str, ...] = ()

    def label(self, method: str, value: Any) -> str:
        """The table row of a value; `method` is its label."""
        return f"{self.knob} = {value}" if len(self.methods) == 1 else f"{method}, {value}"
