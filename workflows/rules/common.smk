"""The plan of this invocation, and the functions that rules share."""

from collections import Counter

from opd.plan import devices
from opd.plan.jobs import jobs, of_dag
from opd.plan.models import UnknownShapeError
from opd.plan.requests import Requests
from workflows.explain import ConfigError
from programs.imports import digest
from workflows.plan import as_param
from workflows.scale import plan

STUDY_FILES = [
    "scores.csv",
    "table.csv",
    "table.md",
    "table.html",
    "table.tex",
]


def study_files(target):
    """What the studies of the target `all` or `full` write; those without runs of their own are in both."""
    files = [
        f"<results>/studies/{study}/{file}"
        for study in PLAN.studies_of(target)
        for file in files_of(study)
    ]
    if PLAN.config.estimators:
        files.append("<results>/estimators/exponents.csv")
    if PLAN.config.signal:
        files += ["<results>/signal/estimates.csv", "<results>/failures/failures.html"]
    return files


def files_of(study):
    """What a study writes: curves if it has runs, and an ablation is drawn as a sweep, too."""
    runs = any(row.model is None for row in PLAN.studies[study].rows)
    curves = ["curves.csv", "curves.svg", "success.svg"] if runs else []
    sweep = ["sweep.svg"] if study in PLAN.sweeps else []
    return [*STUDY_FILES, *curves, *sweep]


METHOD_FILES = [
    f"workflows/methods/{path.name}"
    for path in sorted(Path(workflow.basedir, "workflows/methods").glob("*.smk"))
]

try:
    PLAN = plan(config)
    PLAN.check_runs()
    REQUESTS = Requests(PLAN)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

GPUS_HERE = len(devices.visible()) if REQUESTS.gpus else 0

# What every rule that runs a model in one process asks for, but for its time. Left alone, the SLURM plugin
# asks for a task per GPU, which binds each task, and so the only one that starts, to one GPU; and for a core.
MODEL = dict(
    gpu=REQUESTS.gpus,
    mem_mb=REQUESTS.mib,
    host_mib=REQUESTS.mib,
    tasks_per_gpu=0,
    cpus_per_task=REQUESTS.cores(1),
)

MODEL_THREADS = REQUESTS.threads(1, GPUS_HERE)

# The same of every rule that trains, on several GPUs if the config says so, but for its host memory.
TRAINING = dict(
    gpu=REQUESTS.training_gpus,
    launcher=PLAN.launcher,
    nodes=PLAN.config.training_nodes,
    tasks=REQUESTS.across_nodes(PLAN.config.training_nodes),
    tasks_per_gpu=0,
    cpus_per_task=REQUESTS.cores(PLAN.processes_per_node),
    mpi=REQUESTS.across_nodes("srun"),
)

TRAINING_THREADS = REQUESTS.threads(PLAN.processes_per_node, GPUS_HERE)

# When a training ends, the next takes its GPUs before a job that wants one of them; else the others idle.
TRAINING_PRIORITY = 1

# Before them go jobs on models that nothing here trains: a chat template, a grader or an engine that is broken
# shows before the trainings are paid for.
BASELINE_PRIORITY = 2


# A GPU is this machine's, not the cluster's, and so is `host_mib`, the memory beside it. Jobs that find none free
# wait in Snakemake's queue, and `workflows.lease` says which GPU a job has. `mem_mb` is what a cluster is asked
# for, and Snakemake would cut it to a bound that it has for this machine.
resource_scopes:
    gpu="local",
    host_mib="local",


if REQUESTS.gpus:
    most = {
        "gpu": max(REQUESTS.training_gpus, GPUS_HERE),
        "host_mib": int(devices.host_memory_gib() * 1024),
    }
    for name in most.keys() - workflow.global_resources.keys():
        workflow.register_resource(name, most[name])


def stop_at_a_lack():
    """Raise WorkflowError if this machine lacks something that a job of the DAG needs."""
    from opd.plan.lacks import (
        lacks,
    )  # half a second, which scales without a check need not pay

    waiting = list(workflow.dag.needrun_jobs())
    counts = Counter((job.rule.name, purpose(job.wildcards_dict)) for job in waiting)
    rules = {job.rule.name for job in waiting}
    try:
        needed = of_dag(jobs(PLAN, "full"), counts)
    except UnknownShapeError as error:
        raise WorkflowError(str(error)) from None
    # On a cluster the jobs' cards are not this machine's, but those that the config plans for.
    cards = None if workflow.local_exec else REQUESTS.cards
    if lack := next(lacks(PLAN, needed, rules, cards), None):
        raise WorkflowError(f"{lack.what}. To mend it:\n    {lack.mend}")


def purpose(wildcards):
    """Which experiment, variant, model or panel a job is for, as opd.plan.jobs says it."""
    known = [
        wildcards[name]
        for name in ("experiment", "variant", "model", "panel")
        if name in wildcards
    ]
    return "/".join(known)


def distill_spec(wildcards):
    """Spec of an ablation's run, `<base>@<knob>=<value>`."""
    return as_param(
        PLAN.distill_spec(wildcards.experiment, wildcards.variant, int(wildcards.seed))
    )


def method(name, **knobs):
    """The params function that gives a method's runs their specs; `workflows.scale` has read the knobs."""

    def spec(wildcards):
        return as_param(
            PLAN.distill_spec(wildcards.experiment, name, int(wildcards.seed))
        )

    return spec


def source(path):
    """A file of this repository, wherever `--directory` points."""
    return f"{workflow.basedir}/{path}"


def named(folders):
    """NAME=FOLDER options."""
    return [f"{name}={folder}" for name, folder in folders.items()]


# Inputs and params of the rules, by stage.


def subject_priority(wildcards):
    """Of a job on a model that is there: a fetched one's goes before the trainings."""
    fetched = {f"models/{name}" for name in PLAN.made_by("hub")}
    return BASELINE_PRIORITY if wildcards.subject in fetched else 0


def pretrain_spec(wildcards):
    return as_param(PLAN.pretrain_spec(wildcards.model))


def pretrain_files(wildcards):
    return PLAN.pretrain_files(wildcards.model)


def hub_spec(wildcards):
    return as_param(PLAN.config.models[wildcards.model].hub)


def traces_spec(wildcards):
    return as_param(PLAN.traces_spec(wildcards.model))


def sft_spec(wildcards):
    return as_param(PLAN.sft_spec(wildcards.model))


def sft_student(wildcards):
    return PLAN.model_folder(PLAN.config.models[wildcards.model].sft.student)


def sft_teacher(wildcards):
    return PLAN.model_folder(PLAN.config.models[wildcards.model].sft.teacher)


def student(wildcards):
    return PLAN.model_folder(PLAN.config.experiments[wildcards.experiment].student)


def teachers(wildcards):
    models = PLAN.config.experiments[wildcards.experiment].teachers.values()
    return [PLAN.model_folder(model) for model in models]


def named_teachers(wildcards):
    tasks = PLAN.config.experiments[wildcards.experiment].teachers
    return [f"{task}={PLAN.model_folder(model)}" for task, model in tasks.items()]


def training_panels(wildcards):
    return PLAN.panel_files(PLAN.config.experiments[wildcards.experiment].teachers)


def reinforce_spec(wildcards):
    return as_param(PLAN.reinforce_spec(wildcards.model))


def reinforce_start(wildcards):
    return PLAN.model_folder(PLAN.config.models[wildcards.model].reinforce.student)


def named_start(wildcards):
    return f"{PLAN.config.models[wildcards.model].reinforce.task}={reinforce_start(wildcards)}"


def reinforce_panels(wildcards):
    return PLAN.panel_files([PLAN.config.models[wildcards.model].reinforce.task])


def run_minutes(wildcards):
    return REQUESTS.run(wildcards.experiment)


def run_mib(wildcards, rulename):
    """A method's rule has its name; the rule of ablations has the variant as a wildcard."""
    return REQUESTS.run_mib(wildcards.experiment, wildcards.get("variant", rulename))


def model_mib(wildcards):
    return REQUESTS.model_mib(wildcards.model)


def traces_minutes(wildcards):
    return REQUESTS.traces(wildcards.model)


def model_minutes(wildcards):
    return REQUESTS.model(wildcards.model)


def generate_minutes(wildcards):
    return REQUESTS.generation()


def play_minutes(wildcards):
    return REQUESTS.play(wildcards.panel)


def signal_minutes(wildcards):
    return REQUESTS.signal()


def prompted_spec(wildcards):
    return as_param(PLAN.generate_spec(wildcards.prompt))


def panel_options(wildcards):
    panel = PLAN.config.panels[wildcards.panel]
    source = ["--source", panel.source] if panel.source else []
    per_type = ["--per-type", panel.per_type] if panel.per_type else []
    # The draws have a name of their own.
    what = ["--legacy-128"] if panel.legacy_128 else ["--name", wildcards.panel]
    return [*source, "--split", panel.split, *per_type, *what]


def play_spec(wildcards):
    return as_param(PLAN.play_spec(wildcards.panel))


def panel_file(wildcards):
    return PLAN.panel_file(wildcards.panel)


def episodes(wildcards):
    subjects = PLAN.score_spec(wildcards.study).subjects
    return [
        f"{folder}/episodes.jsonl"
        for subject in subjects
        for folder in subject.episodes.values()
    ]


def responses(wildcards):
    return [subject.responses for subject in PLAN.score_spec(wildcards.study).subjects]


def manifests(wildcards):
    return [manifest_of(path) for path in responses(wildcards)]


def manifest_of(responses):
    return str(Path(responses).with_suffix(".json"))


def runs(wildcards):
    return list(PLAN.runs(wildcards.study))


def metrics(wildcards):
    curves = PLAN.curves_spec(wildcards.study).curves
    return [path for curve in curves for path in curve.metrics.values()]


def score_spec(wildcards):
    return as_param(PLAN.score_spec(wildcards.study))


def table_spec(wildcards):
    return as_param(PLAN.table_spec(wildcards.study))


def curves_spec(wildcards):
    return as_param(PLAN.curves_spec(wildcards.study))


def sweep_spec(wildcards):
    return as_param(PLAN.sweeps[wildcards.study])


def stored(folders):
    """All that is stored of these scores, which `studies.signal.stored` reads."""
    tables = ["tokens.parquet", "responses.parquet"]
    tables += ["repetition.csv", "prefix.csv", "gradient.csv", "manifest.json"]
    return collect("{folder}/{table}", folder=folders.values(), table=tables)
