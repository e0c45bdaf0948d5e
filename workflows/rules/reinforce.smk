"""Reinforcement learning on a task's own outcome: the distillation loop, with the start as its teacher."""


rule reinforce:
    input:
        start=reinforce_start,
        panels=reinforce_panels,
    output:
        run="<results>/models/{model}/run.json",
        metrics="<results>/models/{model}/metrics.jsonl",
        model=directory("<results>/models/{model}/model"),
    log:
        "<logs>/models/{model}.log",
    benchmark:
        "<benchmarks>/reinforce/{model}.tsv"
    wildcard_constraints:
        model="|".join(PLAN.made_by("reinforce")) or "(?!)",
    priority: TRAINING_PRIORITY
    threads: TRAINING_THREADS
    resources:
        **TRAINING,
        mem_mb=by("model", REQUESTS.model_mib),
        host_mib=by("model", REQUESTS.model_mib),
        runtime=by("model", REQUESTS.model_minutes),
    params:
        spec=spec_by("model", PLAN.reinforce_spec),
        teacher=named_start,
        folder=subpath(output.run, parent=True),
    shell:
        "{resources.launcher} opd.distill"
        " --spec {params.spec:q} --student {input.start:q} --teachers {params.teacher:q}"
        " --out {params.folder:q} > {log:q} 2>&1"
