"""SFT warm start on teacher traces."""


rule sft:
    input:
        student=sft_student,
        teacher=sft_teacher,
    output:
        model=directory("<results>/models/{model}/model"),
    log:
        "<logs>/models/{model}.log",
    benchmark:
        "<benchmarks>/sft/{model}.tsv"
    wildcard_constraints:
        model="|".join(PLAN.made_by("sft")) or "(?!)",
    resources:
        gpu=REQUESTS.gpus,
        mem_mb=REQUESTS.mib,
        runtime=model_minutes,
    params:
        spec=sft_spec,
    shell:
        "python -m workflows.lease --gpus {resources.gpu} -- python -m opd.sft"
        " --spec {params.spec:q} --student {input.student} --teacher {input.teacher}"
        " --out {output.model} > {log} 2>&1"
