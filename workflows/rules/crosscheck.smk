"""A second opinion on every verdict behind the studies of `all`: stored responses replayed through lm-eval."""


rule lm_eval_crosscheck:
    input:
        responses=[subject.responses for subject in PLAN.crosscheck_spec().subjects],
        manifests=[
            manifest_of(subject.responses)
            for subject in PLAN.crosscheck_spec().subjects
        ],
    output:
        report(
            "<results>/checks/lm_eval_crosscheck.html",
            category="Checks",
            caption="../report/lm_eval_crosscheck.rst",
            labels={"check": "lm-eval cross-check", "kind": "table"},
        ),
        report(
            "<results>/checks/lm_eval_crosscheck.csv",
            category="Checks",
            caption="../report/lm_eval_crosscheck.rst",
            labels={"check": "lm-eval cross-check", "kind": "data"},
        ),
    log:
        "<logs>/checks/lm_eval_crosscheck.log",
    benchmark:
        "<benchmarks>/checks/lm_eval_crosscheck.tsv"
    params:
        code=digest("eval.lm_eval.crosscheck"),
        spec=as_param(PLAN.crosscheck_spec()),
        folder=subpath(output[0], parent=True),
    shell:
        "TQDM_DISABLE=1 python -m eval.lm_eval.crosscheck --spec {params.spec:q} --out {params.folder:q}"
        " > {log:q} 2>&1"
