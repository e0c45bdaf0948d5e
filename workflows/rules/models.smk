"""Models that experiments start from: trained here, or fetched from the hub."""


rule pretrain:
    input:
        files=by("model", PLAN.pretrain_files),
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
        spec=spec_by("model", PLAN.pretrain_spec),
    shell:
        "{resources.launcher} opd.pretrain"
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
        spec=spec_by("model", PLAN.hub_spec),
    shell:
        "python -m opd.fetch --spec {params.spec:q} --out {output.model:q} > {log:q} 2>&1"
