"""Models that experiments start from: trained here, or fetched from the hub."""


rule pretrain:
    input:
        files=pretrain_files,
    output:
        model=directory("<results>/models/{model}/model"),
    log:
        "<logs>/models/{model}.log",
    benchmark:
        "<benchmarks>/pretrain/{model}.tsv"
    wildcard_constraints:
        model="|".join(PLAN.made_by("pretrain")) or "(?!)",
    threads: MODEL_THREADS
    resources:
        **MODEL,
    params:
        spec=pretrain_spec,
    shell:
        "python -m workflows.lease --gpus {resources.gpu} -- python -m programs.start opd.pretrain"
        " --spec {params.spec:q} --out {output.model:q} > {log:q} 2>&1"


rule fetch:
    output:
        model=directory("<results>/models/{model}/model"),
    log:
        "<logs>/models/{model}.log",
    wildcard_constraints:
        model="|".join(PLAN.made_by("hub")) or "(?!)",
    retries: 3
    params:
        spec=hub_spec,
    shell:
        "python -m opd.fetch --spec {params.spec:q} --out {output.model:q} > {log:q} 2>&1"
