"""The spec of a table of three rows."""

from eval.spec import TableSpec

SPEC = TableSpec(
    title="A table",
    scale="smoke",
    scale_description="made by hand",
    protocol="avg@2",
    paper_table="Table 1",
    paper_columns=["Avg"],
    reference_row="base",
    rows=[
        {"row": "model", "label": "The model"},
        {"row": "base", "label": "Base", "paper_row": "Sampled-token OPD"},
        {"row": "better", "label": "Better", "paper_row": "Ours w/o mask"},
    ],
    evaluation={
        "environment": "chain_arithmetic",
        "problems_per_suite": 3,
        "protocols": [
            {"name": "avg@2", "samples": 2, "sampling": {"temperature": 1, "top_p": 1, "max_new_tokens": 9}}
        ],
    },
    runs={},
    rebuild="snakemake table",
)
