"""The schema of a scale's config file. Unknown keys are errors at every level."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

import envs
from eval.spec import EvaluationSpec
from opd.rollout import ENGINES
from opd.spec import Count, HubModelSpec, PretrainSpec, SftSpec, Spec


class WarmStartConfig(SftSpec):
    """A model made by SFT on teacher traces."""

    student: str = Field(description="model to start from")
    teacher: str = Field(description="model that writes the traces")


class ModelConfig(Spec):
    """Where a model comes from: exactly one of the three."""

    pretrain: PretrainSpec | None = None
    hub: HubModelSpec | None = None
    sft: WarmStartConfig | None = None

    @property
    def source(self) -> Literal["pretrain", "hub", "sft"]:
        """Which of the three it is; also the rule that makes it."""
        given = [name for name in ("pretrain", "hub", "sft") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("write exactly one of pretrain, hub and sft")
        return given[0]  # type: ignore[return-value]

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        assert self.source
        return self


class ExperimentConfig(Spec):
    """A fixed setting: who learns from whom."""

    student: str
    teacher: str


class RowConfig(Spec):
    """A table row: a method in an experiment, or a model as it is."""

    label: str
    model: str | None = None
    experiment: str | None = None
    method: str | None = None
    paper_row: str | None = Field(None, description="its counterpart in results/paper_reference.csv")

    @model_validator(mode="after")
    def _model_or_run(self) -> Self:
        run = self.experiment is not None and self.method is not None
        partial = self.experiment is not None or self.method is not None
        if (self.model is not None) == run or (self.model is not None and partial):
            raise ValueError(f"row {self.label!r}: write either model, or experiment and method")
        return self


class StudyConfig(Spec):
    """The rows behind one table, and the one they are compared with."""

    title: str
    paper_table: str | None = None
    paper_column: str = "Avg"
    reference: str = Field(description="label of the row that differences are taken against")
    rows: tuple[RowConfig, ...]

    @model_validator(mode="after")
    def _reference_is_a_row(self) -> Self:
        labels = [row.label for row in self.rows]
        if self.reference not in labels:
            raise ValueError(f"reference {self.reference!r} is none of the rows {labels}")
        if len(set(labels)) < len(labels):
            raise ValueError(f"two rows share a label: {labels}")
        return self


class EvaluationConfig(EvaluationSpec):
    """How every model is evaluated, and which protocol the tables show suite by suite."""

    engine: Literal[ENGINES] = "torch"  # type: ignore[valid-type]
    batch_size: Count
    strict: bool = False
    table_protocol: str
    contamination: str | None = Field(None, description="training set that the clean subset leaves out")

    @property
    def asked(self) -> dict[str, Any]:
        """What is asked, and how often: the fields of an `EvaluationSpec`."""
        return self.model_dump(include=set(EvaluationSpec.model_fields))

    @model_validator(mode="after")
    def _table_protocol_exists(self) -> Self:
        names = [protocol.name for protocol in self.protocols]
        if self.table_protocol not in names:
            raise ValueError(f"table_protocol {self.table_protocol!r} is none of {names}")
        return self


class Config(Spec):
    """A scale."""

    scale: Literal["smoke", "mini", "paper"]
    description: str = Field(description="printed on every artifact, so that no scale passes for another")
    seeds: tuple[int, ...] = Field(min_length=1)
    models: dict[str, ModelConfig]
    experiments: dict[str, ExperimentConfig]
    distill: dict[str, Any] = Field(
        description="defaults of every run; a method states only what it changes. Checked against "
        "opd.spec.DistillSpec once merged"
    )
    evaluation: EvaluationConfig
    studies: dict[str, StudyConfig]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        if self.evaluation.environment not in envs.NAMES:
            raise ValueError(f"evaluation.environment must be one of {', '.join(envs.NAMES)}")
        roles = [
            (f"experiments.{name}.{role}", getattr(experiment, role))
            for name, experiment in self.experiments.items()
            for role in ("student", "teacher")
        ]
        roles += [
            (f"models.{name}.sft.{role}", getattr(model.sft, role))
            for name, model in self.models.items()
            if model.sft
            for role in ("student", "teacher")
        ]
        rows = [(study, row) for study, config in self.studies.items() for row in config.rows]
        roles += [(f"studies.{study}: {row.label}", row.model) for study, row in rows if row.model]
        for place, model in roles:
            if model not in self.models:
                raise ValueError(f"{place} names the model {model!r}; known: {', '.join(self.models)}")
        for study, row in rows:
            if row.experiment and row.experiment not in self.experiments:
                known = ", ".join(self.experiments)
                raise ValueError(
                    f"studies.{study}: {row.label} names the experiment {row.experiment!r}; known: {known}"
                )
        return self


class AblationConfig(Spec):
    """One knob of one method, varied: a file of workflows/ablations/."""

    title: str
    experiment: str
    base: str = Field(description="method that is varied")
    knob: str = Field(description="dotted path of a key of the run spec, such as rollout.top_p")
    values: dict[str, tuple[Any, ...]] = Field(description="values per scale; a missing scale skips it")
    reference: dict[str, Any] = Field(description="value per scale that the others are compared with")
