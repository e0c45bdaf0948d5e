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
    resources:
        gpu=REQUESTS.training_gpus,
        launcher=PLAN.launcher,
        mem_mb=REQUESTS.mib,
        nodes=PLAN.config.training_nodes,
        tasks=REQUESTS.across_nodes(PLAN.config.training_nodes),
        tasks_per_gpu=REQUESTS.across_nodes(0),
        cpus_per_task=REQUESTS.across_nodes(PLAN.processes_per_node),
        mpi=REQUESTS.across_nodes("srun"),
        runtime=model_minutes,
    params:
        spec=reinforce_spec,
        teacher=named_start,
        folder=subpath(output.run, parent=True),
    shell:
        "{resources.launcher} -m opd.distill"
        " --spec {params.spec:q} --student {input.start} --teachers {params.teacher:q}"
        " --out {params.folder:q} > {log:q} 2>&1"
