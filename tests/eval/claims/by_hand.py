"""Small results by hand: what every comparison is asked, and curves.csv of given values."""

import pandas as pd

ASKED = {"study": "s", "direction": "above", "matters": 1, "unit": "points"}


def curves(values: dict, task="t") -> pd.DataFrame:
    """(row, metric) -> (seeds, steps) values, as curves.csv has them."""
    return pd.DataFrame(
        [
            (row, seed, task, step, metric, value)
            for (row, metric), runs in values.items()
            for seed, run in enumerate(runs)
            for step, value in enumerate(run)
        ],
        columns=["method", "seed", "task", "step", "metric", "value"],
    )
