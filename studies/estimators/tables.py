"""All tables of the study, its students trained in several processes."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

import pandas as pd

from programs.orphans import end_with_parent
from studies.estimators import bias, outcome, toy, variance
from studies.estimators.spec import EstimatorsSpec


class Part(NamedTuple):
    """Students of the control toy that are trained together: those of a setting with some gammas."""

    setting: str
    gammas: tuple[float, ...]
    iterations: int


def measured(spec: EstimatorsSpec) -> dict[str, pd.DataFrame]:
    """Every table by its name; the same whatever the number of processes."""
    context = get_context("spawn")  # a fork would copy the threads' locks of whoever calls
    with ProcessPoolExecutor(spec.processes, context, end_with_parent) as pool:
        trained = pool.map(partial(train, spec), parts(spec))
        others = pool.submit(policies, spec)
        return control(spec, list(trained)) | others.result()


def policies(spec: EstimatorsSpec) -> dict[str, pd.DataFrame]:
    """The tables of tabular and Gaussian policies."""
    measured = variance.measure(spec)
    return {
        "variance": measured,
        "exponents": variance.exponents(measured, spec.variance),
        "bias": bias.measure(spec),
    }


def parts(spec: EstimatorsSpec) -> list[Part]:
    """The base setting, two thirds of the work, in as many parts as there are processes, and its variants."""
    shares = [spec.gammas[first :: spec.processes] for first in range(spec.processes)]
    base = [Part("base", gammas, spec.toy.iterations) for gammas in shares if gammas]
    variants = spec.toy.settings().keys() - {"base"}
    return base + [
        Part(name, spec.toy.variant_gammas, spec.toy.variant_iterations) for name in sorted(variants)
    ]


def train(spec: EstimatorsSpec, part: Part) -> toy.Trained:
    """The students of a part."""
    setting = spec.toy.settings()[part.setting]
    return toy.distil(spec.toy, setting, part.gammas, part.iterations, part.setting)


def control(spec: EstimatorsSpec, trained: list[toy.Trained]) -> dict[str, pd.DataFrame]:
    """The tables of the control toy: curves and visits of the base setting, outcomes of all settings."""
    by_setting: dict[str, list[toy.Trained]] = {}
    for part, students in zip(parts(spec), trained, strict=True):
        by_setting.setdefault(part.setting, []).append(students)
    finals, tables = [], {}
    for name, setting in spec.toy.settings().items():
        students = toy.join(by_setting[name])
        final, visits = outcome.evaluate(spec.toy, setting, students)
        final.insert(0, "setting", name)
        final.insert(1, "iterations", len(students.variance))
        finals.append(final)
        if name == "base":
            tables = {"toy_variance": outcome.variance_rows(students), "toy_visits": visits}
    return tables | {"toy_final": pd.concat(finals, ignore_index=True)}
