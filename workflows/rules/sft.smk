"""SFT warm start: the teacher's traces, and training on them.

The checkpoint lies beside the outputs, undeclared: Snakemake deletes declared outputs before a job.
"""


rule traces:
    input:
        student=sft_student,
        teacher=sft_teacher,
    output:
        traces="<results>/models/{model}/traces.jsonl",
        manifest="<results>/models/{model}/traces.json",
    log:
        "<logs>/traces/{model}.log",
    benchmark:
        "<benchmarks>/traces/{model}.tsv"
    wildcard_constraints:
        model="|".join(PLAN.made_by("sft")) or "(?!)",
    threads: MODEL_THREADS
    resources:
        **MODEL,
        runtime=by("model", REQUESTS.traces_minutes),
    params:
        spec=spec_by("model", PLAN.traces_spec),
    shell:
        "{resources.launcher} opd.traces"
        " --spec {params.spec:q} --student {input.student:q} --teacher {input.teacher:q}"
        " --out {output.traces:q} > {log:q} 2>&1"


rule sft:
    input:
        student=sft_student,
        traces="<results>/models/{model}/traces.jsonl",
        manifest="<results>/models/{model}/traces.json",
    output:
        run="<results>/models/{model}/run.json",
        metrics="<results>/models/{model}/metrics.jsonl",
        model=directory("<results>/models/{model}/model"),
    log:
        "<logs>/models/{model}.log",
    benchmark:
        "<benchmarks>/sft/{model}.tsv"
    wildcard_constraints:
        model="|".join(PLAN.made_by("sft")) or "(?!)",
    priority: TRAINING_PRIORITY
    threads: TRAINING_THREADS
    resources:
        **TRAINING,
        mem_mb=by("model", REQUESTS.model_mib),
        host_mib=by("model", REQUESTS.model_mib),
        runtime=by("model", REQUESTS.model_minutes),
    params:
        spec=spec_by("model", PLAN.sft_spec),
        folder=subpath(output.run, parent=True),
    shell:
        "{resources.launcher} opd.sft"
        " --spec {params.spec:q} --student {input.student:q} --traces {input.traces:q}"
        " --out {params.folder:q} > {log:q} 2>&1"
