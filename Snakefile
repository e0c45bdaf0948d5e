"""On-policy distillation, from nothing to tables.

snakemake --cores all                          the headline tables, figures and claims of the mini scale
snakemake --cores all full                     every study
snakemake --cores all table_ablation           one table and what it needs
snakemake --cores all table_ablation -R lsm    retrain one method
snakemake --cores all --configfile workflows/config/smoke.yaml
"""

from snakemake.utils import min_version

min_version("9.20")

# A scale of one's own names the one that it lies over.
if config.get("base") or "scale" not in config:

    configfile: f"{workflow.basedir}/workflows/config/{config.get('base') or 'mini'}.yaml"


report: "workflows/report/workflow.rst"


include: "workflows/rules/common.smk"


pathvars:
    results=PLAN.results,
    logs=f"{PLAN.results}/logs",
    benchmarks=f"{PLAN.results}/benchmarks",


onstart:
    if workflow.local_exec:
        # On this machine there is no queue to spare. Snakemake 9.27 pays for its limit of submissions with one
        # more look at all waiting jobs, every second, for each job that has ended: half a core after a hundred.
        workflow.scheduler.job_rate_limiter = None
    if PLAN.made_by("hub"):
        stop_at_a_lack()


# Seconds each; what is fetched needs a network, which the nodes of a cluster often lack.
localrules:
    fetch,
    panel,
    table,
    curves,
    sweep,


rule all:
    input:
        study_files("all"),
        "<results>/claims.html",
        "<results>/checks/lm_eval_crosscheck.html",


include: "workflows/rules/models.smk"
include: "workflows/rules/sft.smk"
include: "workflows/rules/alfworld.smk"
include: "workflows/rules/distill.smk"


for path in METHOD_FILES:

    include: path


include: "workflows/rules/reinforce.smk"
include: "workflows/rules/evaluate.smk"
include: "workflows/rules/report.smk"
include: "workflows/rules/crosscheck.smk"
include: "workflows/rules/studies.smk"
include: "workflows/rules/claims.smk"


if PLAN.config.estimators:

    include: "workflows/rules/estimators.smk"


if PLAN.config.signal:

    include: "workflows/rules/signal.smk"
