"""Estimators between token level and sequence level: no model of the scale is needed."""


rule estimators:
    output:
        report(
            "<results>/estimators/variance.svg",
            category="Estimators",
            caption="../report/estimators.rst",
            labels={"part": "variance and bias", "kind": "figure"},
        ),
        report(
            "<results>/estimators/exponents.csv",
            category="Estimators",
            caption="../report/estimators.rst",
            labels={"part": "exponents", "kind": "data"},
        ),
        report(
            "<results>/estimators/bias.csv",
            category="Estimators",
            caption="../report/estimators.rst",
            labels={"part": "bias", "kind": "data"},
        ),
        report(
            "<results>/estimators/toy_variance.svg",
            category="Estimators",
            caption="../report/estimators.rst",
            labels={"part": "toy, variance", "kind": "figure"},
        ),
        report(
            "<results>/estimators/toy_visits.svg",
            category="Estimators",
            caption="../report/estimators.rst",
            labels={"part": "toy, visits", "kind": "figure"},
        ),
        report(
            "<results>/estimators/toy_final.csv",
            category="Estimators",
            caption="../report/estimators.rst",
            labels={"part": "toy, outcome", "kind": "data"},
        ),
        "<results>/estimators/variance.csv",
        "<results>/estimators/toy_variance.csv",
        "<results>/estimators/toy_visits.csv",
    log:
        "<logs>/estimators.log",
    benchmark:
        "<benchmarks>/estimators/estimators.tsv"
    threads: PLAN.config.estimators.processes
    params:
        code=digest("studies.estimators.__main__"),
        spec=as_param(PLAN.config.estimators),
        folder=subpath(output[0], parent=True),
    # The threads are processes here, each with one thread for its products.
    shell:
        "OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 TQDM_DISABLE=1"
        " python -m studies.estimators --spec {params.spec:q} --out {params.folder:q} > {log:q} 2>&1"
