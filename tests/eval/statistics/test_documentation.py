"""The page on statistics names every function and shows the coverage that the program measures."""

import inspect
import re

import pytest

import eval.statistics
from eval.statistics import estimate
from eval.statistics.coverage import coverage, of_differences
from eval.statistics.seed_coverage import SETTINGS, deviations, measure, replicate
from programs.provenance import ROOT

PAGE = (ROOT / "docs/statistics.md").read_text()


def test_every_function_is_on_the_page():
    functions = [
        name for name in eval.statistics.__all__ if inspect.isfunction(getattr(eval.statistics, name))
    ]
    assert len(functions) > 10
    assert [name for name in functions if f"`{name}`" not in PAGE] == []


def test_a_row_of_the_coverage_table_is_what_the_program_measures():
    def t_interval(shares, k, seed):
        found = estimate(shares[None])
        return {"t": (found.low, found.high)}

    shown = row_of("N ", r"30 +\| 16 +\| 1, 1 ")
    found = coverage(30, 16, (1, 1), 2000, t_interval)["t"]
    assert float(shown["t"]) == pytest.approx(100 * found, abs=0.05)


def test_a_row_of_the_coverage_of_differences_is_what_the_program_measures():
    shown = row_of("N .*each way", r"500 +\| 0\.5 %")
    for name, held in of_differences(500, 0.005, 2000).items():
        assert float(shown[name]) == pytest.approx(100 * held, abs=0.051)


def test_a_row_of_the_table_over_seeds_is_what_the_program_measures():
    setting = next(setting for setting in SETTINGS if setting.name == "as in table_ablation")
    shown = row_of("setting ", f"{setting.name} +\\| 3 ")
    found = replicate(setting, 3, 2000)
    for name, value in deviations(found).items():
        assert float(shown[name]) == pytest.approx(value, abs=0.05)
    for name, (held, width) in measure(found).items():
        assert shown[name] == f"{100 * held:.1f} ({width:.2f})"


def row_of(header: str, row: str) -> dict[str, str]:
    """Cells by heading of the page's only row that starts so."""
    lines = (re.search(rf"^\|\s*{start}.*$", PAGE, re.M)[0] for start in (header, row))
    return dict(zip(*(re.split(r"\s*\|\s*", line) for line in lines), strict=True))
