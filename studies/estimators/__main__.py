"""Variance and bias of on-policy distillation's gradient estimators, on bigram policies and a control toy.

    python -m studies.estimators --spec SPEC --out FOLDER

SPEC is an `EstimatorsSpec` as JSON; `{}` is the mini scale. FOLDER receives long tables (variance.csv,
exponents.csv, bias.csv, toy_variance.csv, toy_visits.csv, toy_final.csv) and figures (variance.svg,
toy_variance.svg, toy_visits.svg). The same spec gives the same bytes.
"""

from pathlib import Path

from programs.command_line import arguments, launch
from studies.estimators import figures
from studies.estimators.spec import EstimatorsSpec
from studies.estimators.tables import measured


def main(spec: EstimatorsSpec, out: Path) -> None:
    """Write all tables and figures into `out`."""
    tables = measured(spec)
    out.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.6g")
    figures.write(spec, tables, out)


if __name__ == "__main__":
    launch(main, *arguments(__doc__, EstimatorsSpec, out="folder to write"))
