"""The plan of this invocation, and the functions that rules share."""

from collections import Counter
from dataclasses import replace

from snakemake.logging import logger

from opd.plan import devices
from opd.plan.shape import UnknownShapeError
from opd.run.code import code_hash
from programs.imports import digest
from workflows.explain import ConfigError
from workflows.needs.job import Job
from workflows.needs.jobs import job_of
from workflows.needs.requests import Requests
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


# Tables say how many of their runs are of other code.
TRAINING_CODE = [code_hash(program) for program in ("opd.distill", "opd.sft")]

METHOD_FILES = [
    f"workflows/methods/{path.name}"
    for path in sorted(Path(workflow.basedir, "workflows/methods").glob("*.smk"))
]

if config.keys() == {"scale"}:
    raise WorkflowError(
        f"scale={config['scale']} alone is no config; write --configfile workflows/config/{config['scale']}.yaml"
    )

try:
    PLAN = plan(config, workflow.overwrite_configfiles)
    PLAN.check_runs()
    REQUESTS = Requests(PLAN)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

GPUS_HERE = len(devices.visible()) if REQUESTS.gpus else 0

# What every rule that runs a model in one process asks for, but for its time. Left alone, the SLURM plugin
# asks for a task per GPU, which binds each task, and so the only one that starts, to one GPU; and for a core.
MODEL = dict(
    gpu=REQUESTS.gpus,
    launcher=REQUESTS.model_launcher,
    mem_mb=REQUESTS.mib,
    host_mib=REQUESTS.mib,
    tasks_per_gpu=0,
    cpus_per_task=REQUESTS.cores(1),
)

MODEL_THREADS = REQUESTS.threads(1, GPUS_HERE)

# The same of every rule that trains, on several GPUs if the config says so, but for its host memory.
TRAINING = dict(
    gpu=REQUESTS.training_gpus,
    launcher=REQUESTS.launcher,
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
    given = workflow.global_resources["gpu"].value
    if workflow.is_main_process and given < REQUESTS.training_gpus:
        raise WorkflowError(
            f"--resources gpu={given} is less than the {REQUESTS.training_gpus} that a training run takes; "
            + (f"add --config training_processes={given}" if given else "leave it out")
        )


def stop_at_a_lack():
    """Raise WorkflowError if this machine lacks something that a job of the DAG needs."""
    from workflows.needs.lacks import (
        lacks,
    )  # half a second, which scales without a check need not pay

    waiting = Counter(
        (job.rule.name, tuple(sorted(job.wildcards_dict.items())))
        for job in workflow.dag.needrun_jobs()
    )
    needed = [needs_of(rule, dict(of), count) for (rule, of), count in waiting.items()]
    # On a cluster the jobs' cards are not this machine's, but those that the config plans for.
    cards = None if workflow.local_exec else REQUESTS.cards
    if lack := next(lacks(PLAN, needed, found=cards), None):
        raise WorkflowError(f"{lack.what}. To mend it:\n    {lack.mend}")


def needs_of(rule, wildcards, count):
    """So many jobs of a rule, with what each needs as far as it is known."""
    try:
        return replace(job_of(PLAN, rule, wildcards), count=count)
    except UnknownShapeError as error:
        logger.warning(f"Not checked whether {rule} fits: {error}")
        return Job(rule, rule, wildcards.get("model", ""), count)


def by(name, of):
    """A function of a rule's wildcards: what `of` says of the one of that name."""
    return lambda wildcards: of(wildcards[name])


def spec_by(name, spec_of):
    """The same of a spec, as a param."""
    return lambda wildcards: as_param(spec_of(wildcards[name]))


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


def reinforce_start(wildcards):
    return PLAN.model_folder(PLAN.config.models[wildcards.model].reinforce.student)


def named_start(wildcards):
    return f"{PLAN.config.models[wildcards.model].reinforce.task}={reinforce_start(wildcards)}"


def reinforce_panels(wildcards):
    return PLAN.panel_files([PLAN.config.models[wildcards.model].reinforce.task])


def run_minutes(wildcards, rulename):
    """A method's rule has its name; the rule of ablations has the variant as a wildcard."""
    return REQUESTS.run_minutes(
        wildcards.experiment, wildcards.get("variant", rulename)
    )


def run_mib(wildcards, rulename):
    """The same of host memory."""
    return REQUESTS.run_mib(wildcards.experiment, wildcards.get("variant", rulename))


def panel_options(wildcards):
    panel = PLAN.config.panels[wildcards.panel]
    source = ["--source", panel.source] if panel.source else []
    per_type = ["--per-type", panel.per_type] if panel.per_type else []
    # The draws have a name of their own.
    what = ["--legacy-128"] if panel.legacy_128 else ["--name", wildcards.panel]
    return [*source, "--split", panel.split, *per_type, *what]


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


def stored(folders):
    """All that is stored of these scores, which `studies.signal.stored` reads."""
    tables = ["tokens.parquet", "responses.parquet"]
    tables += ["repetition.csv", "prefix.csv", "gradient.csv", "manifest.json"]
    return collect("{folder}/{table}", folder=folders.values(), table=tables)
