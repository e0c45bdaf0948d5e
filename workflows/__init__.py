"""The workflow: configuration, rules, methods, ablations. Loads torch in `rehearsal` alone, and of
Snakemake what reads `--config` (`scale`)."""
