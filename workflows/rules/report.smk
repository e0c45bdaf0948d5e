"""From stored responses and metrics to tables and figures. Nothing here loads torch."""


wildcard_constraints:
    study="|".join(PLAN.studies),


rule score:
    input:
        responses=responses,
        manifests=manifests,
        episodes=episodes,
    output:
        scores="<results>/studies/{study}/scores.csv",
    log:
        "<logs>/studies/{study}/score.log",
    benchmark:
        "<benchmarks>/score/{study}.tsv"
    params:
        code=digest("eval.score"),
        spec=spec_by("study", PLAN.score_spec),
    shell:
        "python -m eval.score --spec {params.spec:q} --out {output.scores:q} > {log:q} 2>&1"


rule table:
    input:
        scores="<results>/studies/{study}/scores.csv",
        paper=source("results/paper_reference.csv"),
        runs=runs,
        contamination=PLAN.contamination_report or [],
    output:
        report(
            "<results>/studies/{study}/table.html",
            category="Tables",
            caption="../report/table.rst",
            labels={"study": "{study}", "kind": "table"},
        ),
        report(
            "<results>/studies/{study}/table.csv",
            category="Tables",
            caption="../report/table.rst",
            labels={"study": "{study}", "kind": "data"},
        ),
        "<results>/studies/{study}/table.md",
        "<results>/studies/{study}/table.tex",
    log:
        "<logs>/studies/{study}/table.log",
    benchmark:
        "<benchmarks>/table/{study}.tsv"
    params:
        code=digest("eval.report.tables"),
        training_code=TRAINING_CODE,
        spec=spec_by("study", PLAN.table_spec),
        folder=subpath(output[0], parent=True),
    shell:
        "python -m eval.report.tables --spec {params.spec:q} --scores {input.scores:q} --paper {input.paper:q}"
        " --out {params.folder:q} > {log:q} 2>&1"


rule curves:
    input:
        metrics=metrics,
    output:
        report(
            "<results>/studies/{study}/curves.svg",
            category="Training curves",
            caption="../report/curves.rst",
            labels={"study": "{study}", "kind": "diagnostics"},
        ),
        report(
            "<results>/studies/{study}/success.svg",
            category="Training curves",
            caption="../report/curves.rst",
            labels={"study": "{study}", "kind": "success"},
        ),
        "<results>/studies/{study}/curves.csv",
    log:
        "<logs>/studies/{study}/curves.log",
    benchmark:
        "<benchmarks>/curves/{study}.tsv"
    params:
        code=digest("eval.report.curves"),
        spec=spec_by("study", PLAN.curves_spec),
        folder=subpath(output[0], parent=True),
    shell:
        "python -m eval.report.curves --spec {params.spec:q} --out {params.folder:q} > {log:q} 2>&1"


rule sweep:
    input:
        table="<results>/studies/{study}/table.csv",
    output:
        report(
            "<results>/studies/{study}/sweep.svg",
            category="Sweeps",
            caption="../report/sweep.rst",
            labels={"study": "{study}", "kind": "figure"},
        ),
    log:
        "<logs>/studies/{study}/sweep.log",
    benchmark:
        "<benchmarks>/sweep/{study}.tsv"
    params:
        code=digest("eval.report.sweep"),
        spec=spec_by("study", PLAN.sweep_spec),
    shell:
        "python -m eval.report.sweep --spec {params.spec:q} --table {input.table:q}"
        " --out {output:q} > {log:q} 2>&1"
