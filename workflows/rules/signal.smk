"""What the teacher says of sampled tokens: scored once per student and teacher, read by everything else."""


rule score_signal:
    input:
        student="<results>/{subject}/model",
        teacher="<results>/models/{teacher}/model",
    output:
        tokens="<results>/signal/scores/{subject}/{teacher}/tokens.parquet",
        responses="<results>/signal/scores/{subject}/{teacher}/responses.parquet",
        repetition="<results>/signal/scores/{subject}/{teacher}/repetition.csv",
        prefix="<results>/signal/scores/{subject}/{teacher}/prefix.csv",
        gradient="<results>/signal/scores/{subject}/{teacher}/gradient.csv",
        manifest="<results>/signal/scores/{subject}/{teacher}/manifest.json",
    log:
        "<logs>/signal/scores/{subject}/{teacher}.log",
    benchmark:
        "<benchmarks>/score_signal/{subject}/{teacher}.tsv"
    wildcard_constraints:
        subject=r"(models|runs)/.+",
        teacher="|".join(PLAN.config.models),
    priority: subject_priority
    threads: MODEL_THREADS
    resources:
        **MODEL,
        runtime=REQUESTS.signal_minutes,
    params:
        spec=as_param(PLAN.scoring_spec()),
        folder=subpath(output.tokens, parent=True),
    shell:
        "{resources.launcher} studies.signal.score"
        " --spec {params.spec:q} --student {input.student:q} --teacher {input.teacher:q}"
        " --out {params.folder:q} > {log:q} 2>&1"


rule signal:
    input:
        scores=stored(PLAN.signal_scores),
    output:
        report(
            "<results>/signal/probabilities.svg",
            category="Signal",
            caption="../report/signal.rst",
            labels={"part": "probabilities and rewards", "kind": "figure"},
        ),
        report(
            "<results>/signal/repetition.svg",
            category="Signal",
            caption="../report/signal.rst",
            labels={"part": "planted repetition", "kind": "figure"},
        ),
        report(
            "<results>/signal/gap.svg",
            category="Signal",
            caption="../report/signal.rst",
            labels={"part": "gap by position", "kind": "figure"},
        ),
        report(
            "<results>/signal/prefix.svg",
            category="Signal",
            caption="../report/signal.rst",
            labels={"part": "prefix probe", "kind": "figure"},
        ),
        report(
            "<results>/signal/markers.svg",
            category="Signal",
            caption="../report/signal.rst",
            labels={"part": "markers", "kind": "figure"},
        ),
        report(
            "<results>/signal/estimates.csv",
            category="Signal",
            caption="../report/signal.rst",
            labels={"part": "estimates", "kind": "data"},
        ),
        report(
            "<results>/signal/gradient.csv",
            category="Signal",
            caption="../report/signal.rst",
            labels={"part": "gradient of the weights", "kind": "data"},
        ),
    log:
        "<logs>/signal/signal.log",
    benchmark:
        "<benchmarks>/signal/signal.tsv"
    params:
        code=digest("studies.signal.__main__"),
        spec=as_param(PLAN.signal_spec()),
        scores=named(PLAN.signal_scores),
        folder=subpath(output[0], parent=True),
    shell:
        "python -m studies.signal --spec {params.spec:q} --scores {params.scores:q}"
        " --out {params.folder:q} > {log:q} 2>&1"


rule failures:
    input:
        scores=stored(PLAN.failure_scores),
    output:
        report(
            "<results>/failures/failures.html",
            category="Failure cases",
            caption="../report/failures.rst",
            labels={"part": "responses", "kind": "page"},
        ),
        report(
            "<results>/failures/failures.csv",
            category="Failure cases",
            caption="../report/failures.rst",
            labels={"part": "picked", "kind": "data"},
        ),
    log:
        "<logs>/failures.log",
    benchmark:
        "<benchmarks>/failures/failures.tsv"
    params:
        code=digest("studies.signal.failures"),
        spec=as_param(PLAN.failure_spec()),
        scores=named(PLAN.failure_scores),
        folder=subpath(output[0], parent=True),
    shell:
        "python -m studies.signal.failures --spec {params.spec:q} --scores {params.scores:q}"
        " --out {params.folder:q} > {log:q} 2>&1"
