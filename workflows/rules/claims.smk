"""The claims ledger: a verdict on every claim, from the studies of `all` and from all of `full`."""

for target, folder in (("all", "<results>"), ("full", "<results>/full")):

    rule:
        name:
            f"claims_{target}"
        input:
            results=PLAN.claims_files(target),
        output:
            report(
                f"{folder}/claims.html",
                category="Claims",
                caption="../report/claims.rst",
                labels={"studies": target, "kind": "table"},
            ),
            report(
                f"{folder}/claims.csv",
                category="Claims",
                caption="../report/claims.rst",
                labels={"studies": target, "kind": "data"},
            ),
            f"{folder}/claims.md",
            f"{folder}/claims_summary.md",
        log:
            f"<logs>/claims/{target}.log",
        benchmark:
            f"<benchmarks>/claims/{target}.tsv"
        params:
            code=digest("eval.claims.__main__"),
            spec=as_param(PLAN.claims_spec(target)),
            folder=subpath(output[0], parent=True),
        shell:
            "python -m eval.claims --spec {params.spec:q} --out {params.folder:q}"
            " > {log:q} 2>&1"
