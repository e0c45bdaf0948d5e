"""The plan of this invocation, and the functions that rules share."""

from workflows.explain import ConfigError
from workflows.plan import Plan, as_param

STUDY_FILES = [
    "scores.csv",
    "table.csv",
    "table.md",
    "table.html",
    "table.tex",
    "curves.csv",
    "curves.svg",
]
METHOD_FILES = [
    f"workflows/methods/{path.name}"
    for path in sorted(Path(workflow.basedir, "workflows/methods").glob("*.smk"))
]

try:
    PLAN = Plan(config)
except ConfigError as error:
    raise WorkflowError(str(error)) from None


def distill_spec(wildcards):
    """Spec of an ablation's run, `<base>@<knob>=<value>`."""
    return as_param(
        PLAN.distill_spec(wildcards.experiment, wildcards.variant, int(wildcards.seed))
    )


def method(name, **knobs):
    """Register a method; returns the params function that gives its runs' specs."""
    PLAN.method(name, **knobs)

    def spec(wildcards):
        return as_param(
            PLAN.distill_spec(wildcards.experiment, name, int(wildcards.seed))
        )

    return spec


def source(path):
    """A file of this repository, wherever `--directory` points."""
    return f"{workflow.basedir}/{path}"


def package(path):
    """All Python files of a package of this repository."""
    folder = Path(workflow.basedir, path)
    return [str(file) for file in sorted(folder.glob("*.py"))]


# Inputs and params of the rules, by stage.


def pretrain_spec(wildcards):
    return as_param(PLAN.config.models[wildcards.model].pretrain)


def hub_spec(wildcards):
    return as_param(PLAN.config.models[wildcards.model].hub)


def sft_spec(wildcards):
    return as_param(PLAN.sft_spec(wildcards.model))


def sft_student(wildcards):
    return PLAN.model_folder(PLAN.config.models[wildcards.model].sft.student)


def sft_teacher(wildcards):
    return PLAN.model_folder(PLAN.config.models[wildcards.model].sft.teacher)


def student(wildcards):
    return PLAN.model_folder(PLAN.config.experiments[wildcards.experiment].student)


def teacher(wildcards):
    return PLAN.model_folder(PLAN.config.experiments[wildcards.experiment].teacher)


def responses(wildcards):
    return [subject.responses for subject in PLAN.score_spec(wildcards.study).subjects]


def runs(wildcards):
    return PLAN.runs(wildcards.study)


def metrics(wildcards):
    curves = PLAN.curves_spec(wildcards.study).curves
    return [path for curve in curves for path in curve.metrics.values()]


def score_spec(wildcards):
    return as_param(PLAN.score_spec(wildcards.study))


def table_spec(wildcards):
    return as_param(PLAN.table_spec(wildcards.study))


def curves_spec(wildcards):
    return as_param(PLAN.curves_spec(wildcards.study))
