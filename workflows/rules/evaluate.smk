"""Responses of every model, stored beside it, and what is known of the suites before."""


rule generate:
    input:
        model="<results>/{subject}/model",
    output:
        responses="<results>/{subject}/responses.jsonl",
        manifest="<results>/{subject}/responses.json",
    log:
        "<logs>/generate/{subject}.log",
    benchmark:
        "<benchmarks>/generate/{subject}.tsv"
    wildcard_constraints:
        subject=r"(models|runs)/((?!/asked/).)+",
    priority: subject_priority
    threads: MODEL_THREADS
    resources:
        **MODEL,
        runtime=REQUESTS.generation_minutes,
    params:
        spec=as_param(PLAN.generate_spec()),
    shell:
        "{resources.launcher} eval.generate"
        " --spec {params.spec:q} --model {input.model:q} --out {output.responses:q} > {log:q} 2>&1"


use rule generate as generate_asked with:
    output:
        responses="<results>/{subject}/asked/{prompt}/responses.jsonl",
        manifest="<results>/{subject}/asked/{prompt}/responses.json",
    log:
        "<logs>/generate/{subject}/asked/{prompt}.log",
    benchmark:
        "<benchmarks>/generate/{subject}/asked/{prompt}.tsv"
    wildcard_constraints:
        subject=r"(models|runs)/((?!/asked/).)+",
        prompt="|".join(PLAN.config.prompts) or "(?!)",
    params:
        spec=spec_by("prompt", PLAN.generate_spec),


if PLAN.config.evaluation.contamination:

    rule contamination:
        input:
            training=PLAN.contamination_file or [],
        output:
            report(
                "<results>/checks/contamination.json",
                category="Checks",
                labels={"check": "contamination", "kind": "data"},
            ),
        log:
            "<logs>/checks/contamination.log",
        benchmark:
            "<benchmarks>/checks/contamination.tsv"
        params:
            code=digest("eval.suites.__main__"),
            training=PLAN.config.evaluation.contamination,
            suites=PLAN.suites,
        shell:
            "python -m eval.suites contamination --training {params.training:q} --suite {params.suites:q}"
            " --out {output:q} > {log:q} 2>&1"
