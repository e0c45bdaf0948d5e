"""Variance and bias of on-policy distillation's gradient estimators, on bigram policies and a control toy.

    python -m studies.estimators --spec SPEC --out FOLDER

SPEC is an `EstimatorsSpec` as JSON; `{}` is the mini scale. FOLDER receives long tables (variance.csv,
exponents.csv, bias.csv, toy_variance.csv, toy_visits.csv, toy_final.csv) and figures (variance.svg,
toy_variance.svg, toy_visits.svg). The same spec gives the same bytes.
"""

from pathlib import Path

import pandas as pd

from opd.program import arguments, launch
from studies.estimators import bias, figures, outcome, toy, variance
from studies.estimators.spec import EstimatorsSpec


def main(spec: EstimatorsSpec, out: Path) -> None:
    """Write all tables and figures into `out`."""
    tables = policies(spec) | control(spec)
    out.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.6g")
    figures.write(spec, tables, out)


def policies(spec: EstimatorsSpec) -> dict[str, pd.DataFrame]:
    """The tables of tabular and Gaussian policies."""
    measured = variance.measure(spec)
    return {
        "variance": measured,
        "exponents": variance.exponents(measured, spec.variance),
        "bias": bias.measure(spec),
    }


def control(spec: EstimatorsSpec) -> dict[str, pd.DataFrame]:
    """The tables of the control toy: curves and visits of the base setting, outcomes of all settings."""
    finals, tables = [], {}
    for name, setting in spec.toy.settings().items():
        base = name == "base"
        gammas = spec.gammas if base else spec.toy.variant_gammas
        iterations = spec.toy.iterations if base else spec.toy.variant_iterations
        trained = toy.distil(spec.toy, setting, gammas, iterations, name)
        final, visits = outcome.evaluate(spec.toy, setting, trained)
        final.insert(0, "setting", name)
        final.insert(1, "iterations", iterations)
        finals.append(final)
        if base:
            tables = {"toy_variance": outcome.variance_rows(trained), "toy_visits": visits}
    return tables | {"toy_final": pd.concat(finals, ignore_index=True)}


if __name__ == "__main__":
    launch(main, *arguments(__doc__, EstimatorsSpec, out="folder to write"))
