"""The workflow: configuration, rules, methods, ablations. Loads no Snakemake; torch in `rehearsal` alone."""
