"""The distillation stage. Methods inherit from `distill`; the rule itself runs ablation variants.

Checkpoints lie beside the outputs, undeclared: Snakemake deletes declared outputs before a job.
"""


rule distill:
    input:
        student=student,
        teachers=teachers,
        panels=training_panels,
    output:
        run="<results>/runs/{experiment}/<method>/seed{seed}/run.json",
        metrics="<results>/runs/{experiment}/<method>/seed{seed}/metrics.jsonl",
        model=directory("<results>/runs/{experiment}/<method>/seed{seed}/model"),
    log:
        "<logs>/runs/{experiment}/<method>/seed{seed}.log",
    benchmark:
        "<benchmarks>/distill/{experiment}/<method>/seed{seed}.tsv"
    pathvars:
        method=r"{variant,[a-z0-9_]+@[^/]+}",
    wildcard_constraints:
        experiment="|".join(PLAN.config.experiments),
        seed=r"\d+",
    priority: TRAINING_PRIORITY
    threads: TRAINING_THREADS
    resources:
        **TRAINING,
        mem_mb=run_mib,
        host_mib=run_mib,
        runtime=run_minutes,
    params:
        spec=distill_spec,
        teachers=named_teachers,
        folder=subpath(output.run, parent=True),
    shell:
        "{resources.launcher} opd.distill"
        " --spec {params.spec:q} --student {input.student:q} --teachers {params.teachers:q}"
        " --out {params.folder:q} > {log:q} 2>&1"
