"""Made-up results of a scale: rows, seeds and columns are right, the numbers mean nothing."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from eval.report.curves import PANELS
from studies.estimators.spec import EstimatorsSpec
from studies.signal.estimates import estimates
from tests.eval.alfworld.study import long_table
from tests.studies.signal.scores import made_up
from workflows.plan import Plan

POSITIONS = tuple(f"gap_by_position_{index}" for index in range(8))


def write(plan: Plan, folder: Path) -> None:
    """Everything that the ledger of a scale may read, into `folder`."""
    tables = dict(_of_studies(plan))
    if plan.config.signal:
        tables["signal/estimates"] = signal(plan)
    if plan.config.estimators:
        tables |= estimators(plan.config.estimators)
    for name, table in tables.items():
        (folder / f"{name}.csv").parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / f"{name}.csv", index=False)


def _of_studies(plan: Plan) -> Iterator[tuple[str, pd.DataFrame]]:
    for study in plan.studies:
        yield f"studies/{study}/scores", scores(plan, study)
        yield f"studies/{study}/curves", curves(plan, study)


def scores(plan: Plan, study: str) -> pd.DataFrame:
    """Two problems of each suite and of each panel that the study plays, two samples of each."""
    random = np.random.default_rng(0)
    parts = []
    for suite in (*plan.suites, *plan.studies[study].panels):
        won = {
            (row.label, seed): {f"{suite}/{i}": (int(random.integers(3)), 2, 0) for i in range(2)}
            for row, seed, _ in plan.subjects(study)
        }
        protocol = plan.config.evaluation.table_protocol if suite in plan.suites else "games"
        parts.append(long_table(won, suite).assign(protocol=protocol))
    return pd.concat(parts, ignore_index=True)


def curves(plan: Plan, study: str) -> pd.DataFrame:
    """Four steps of every metric, of the rows that are trained."""
    random = np.random.default_rng(0)
    runs = [(row, seed) for row, folders in plan.trained(study).items() for seed in folders]
    lines = [
        (*run, "task", step, metric, random.uniform(0.1, 1))
        for run, step, metric in product(runs, range(4), (*PANELS, *POSITIONS))
    ]
    return pd.DataFrame(lines, columns=["method", "seed", "task", "step", "metric", "value"])


def signal(plan: Plan) -> pd.DataFrame:
    """The study's own estimates of made-up scores, one set per teacher that the scale has."""
    roles = plan.signal_scores
    scores = {folder: made_up(penalty=3.0) for folder in roles.values()}
    return estimates({role: scores[folder] for role, folder in roles.items()})


def estimators(spec: EstimatorsSpec) -> dict[str, pd.DataFrame]:
    """The tables of the estimator study that claims read."""
    chains, seeds, tasks = spec.variance.chains, spec.toy.seeds, ("left", "right")
    pairs, horizons = range(spec.variance.pairs), spec.variance.horizons
    frames = {
        "variance": (
            ("chain", "pair", "horizon"),
            product(chains, pairs, horizons, spec.gammas),
        ),
        "exponents": (("chain",), product(chains, spec.gammas)),
        "toy_variance": (("seed", "task", "iteration"), product(seeds, tasks, (1, 2), spec.gammas)),
        "toy_final": (("setting", "seed", "task"), product(("base",), seeds, tasks, spec.gammas)),
    }
    random = np.random.default_rng(0)
    made = {}
    for name, (keys, rows) in frames.items():
        table = pd.DataFrame(list(rows), columns=[*keys, "gamma"])
        for column in ("variance", "kl_nats_per_step", "diverged"):
            table[column] = random.uniform(size=len(table))
        made[f"estimators/{name}"] = table.assign(exponent=1.0, low=0.9, high=1.1, pairs=len(pairs))
    return made
