"""ALFWorld: which games there are, and how every model of a study plays them."""


wildcard_constraints:
    panel="|".join(PLAN.config.panels) or "(?!)",


rule panel:
    output:
        "<results>/alfworld/{panel}.jsonl",
    log:
        "<logs>/alfworld/{panel}.log",
    benchmark:
        "<benchmarks>/panel/{panel}.tsv"
    params:
        options=panel_options,
    shell:
        "python -m envs.alfworld.panel {params.options:q} --out {output:q} > {log:q} 2>&1"


rule demonstrate:
    input:
        panel=by("panel", PLAN.panel_file),
    output:
        "<results>/alfworld/{panel}.demonstrations.jsonl",
    log:
        "<logs>/alfworld/{panel}.demonstrations.log",
    benchmark:
        "<benchmarks>/demonstrate/{panel}.tsv"
    shell:
        "python -m envs.alfworld.demonstrations --panel {input.panel:q} --out {output:q} > {log:q} 2>&1"


rule play:
    input:
        model="<results>/{subject}/model",
        panel=by("panel", PLAN.panel_file),
    output:
        episodes="<results>/{subject}/games/{panel}/episodes.jsonl",
        manifest="<results>/{subject}/games/{panel}/episodes.json",
        table="<results>/{subject}/games/{panel}/table.csv",
    log:
        "<logs>/games/{subject}/{panel}.log",
    benchmark:
        "<benchmarks>/play/{subject}/{panel}.tsv"
    wildcard_constraints:
        subject=r"(models|runs)/.+",
    priority: subject_priority
    threads: MODEL_THREADS
    resources:
        **MODEL,
        runtime=by("panel", REQUESTS.play_minutes),
    params:
        spec=spec_by("panel", PLAN.play_spec),
        folder=subpath(output.episodes, parent=True),
    # Without `programs.start`, which would hide scipy from a program that computes intervals.
    shell:
        "python -m workflows.lease --gpus {resources.gpu} -- python -m eval.alfworld"
        " --spec {params.spec:q} --model {input.model:q} --out {params.folder:q} > {log:q} 2>&1"
