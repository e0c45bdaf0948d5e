"""Evaluation suites and training prompts: versioned, counted, checked by content, never shipped.

`suites.load(suites.get("math500"))` gives the problems and what a result must state of them. One file
in `evaluation/` or `training/` is one suite; `docs/suites.md` tells the rest. This package imports
nothing else of the project but `programs`.
"""

from eval.suites.catalogue import evaluation_suites, get, training_sets
from eval.suites.load import LoadedSuite, SuiteContentError, SuiteNotFoundError, load
from eval.suites.prompts import PROMPTS
from eval.suites.suite import Item, Suite

__all__ = [
    "PROMPTS",
    "Item",
    "LoadedSuite",
    "Suite",
    "SuiteContentError",
    "SuiteNotFoundError",
    "evaluation_suites",
    "get",
    "load",
    "training_sets",
]
