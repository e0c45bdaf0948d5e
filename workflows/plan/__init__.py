"""From a config to specs and paths: what every rule runs, as pure functions.

A `Plan` is built once per invocation. Method files register with `Plan.method`; everything is
validated when the Snakefile is read, so nothing starts with a config that could not finish. It is made in
layers, each a file that knows those before it: paths, recipes, studies, reports.
"""

from workflows.plan.reports import Plan
from workflows.plan.values import as_param, merge

__all__ = ["Plan", "as_param", "merge"]
