"""The workflow: configuration, rules, methods and ablations. Python here loads no torch, no Snakemake."""
