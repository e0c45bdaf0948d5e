"""The page on statistics names every function and shows the coverage that the program measures."""

import inspect
import re

import pytest

import eval.statistics
from eval.statistics import estimate
from eval.statistics.coverage import coverage
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

    header, row = (re.search(rf"^\|\s*{start}.*$", PAGE, re.M)[0] for start in ("N ", r"30 +\| 16 +\| 1, 1 "))
    shown = dict(zip(re.split(r"\s*\|\s*", header), re.split(r"\s*\|\s*", row), strict=True))
    found = coverage(30, 16, (1, 1), 2000, t_interval)["t"]
    assert float(shown["t"]) == pytest.approx(100 * found, abs=0.05)
