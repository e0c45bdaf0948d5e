"""Responses of every model, stored beside it."""


rule generate:
    input:
        model="<results>/{subject}/model",
    output:
        responses="<results>/{subject}/responses.jsonl",
    log:
        "<logs>/generate/{subject}.log",
    benchmark:
        "<benchmarks>/generate/{subject}.tsv"
    wildcard_constraints:
        subject=r"(models|runs)/.+",
    params:
        spec=as_param(PLAN.generate_spec()),
    shell:
        "python -m eval.generate --spec {params.spec:q} --model {input.model:q}"
        " --out {output.responses:q} > {log:q} 2>&1"
