"""A report is made again when any of the code behind it changes: rules list what their programs load."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from workflows.imports import sources

ROOT = Path(__file__).parents[2]
REPORTING = (
    *("score", "table", "curves", "sweep", "claims_all", "claims_full", "lm_eval_crosscheck"),
    *("score_signal", "signal", "failures", "estimators", "contamination"),
)
AFTER = {"table": "score", "sweep": "score"}  # these read what that makes, and wait for its code with it
_JOB = r"^rule (\w+):\n    input: (.*)\n(?:(?!rule ).*\n)*?Shell command: .*?-m ((?:eval|studies)[\w.]*)"
_LOADED = """
import sys, importlib
importlib.import_module(sys.argv[1])
print(*(module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)))
"""


@pytest.fixture(scope="module")
def jobs(tmp_path_factory) -> dict[str, tuple[set[str], str]]:
    """Rule -> (inputs, its own and AFTER's; program), by a dry run of the scale that has all rules."""
    config = ROOT / "workflows/config/paper.yaml"
    command = ["snakemake", "full", "--dry-run", "--printshellcmds", "--cores", "1", "--configfile", config]
    places = ["--snakefile", ROOT / "Snakefile", "--directory", tmp_path_factory.mktemp("run")]
    printed = subprocess.run([*command, *places], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    found = re.findall(_JOB, printed, re.M)
    jobs = {rule: (set(inputs.split(", ")), module) for rule, inputs, module in found}
    for rule, earlier in AFTER.items():
        jobs[rule][0].update(jobs[earlier][0])
    return jobs


def loaded(module: str) -> set[str]:
    """Files of this repository that a program loads when it starts."""
    name = f"{module}.__main__" if (ROOT / module.replace(".", "/")).is_dir() else module
    command = [sys.executable, "-c", _LOADED, name]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return {file for file in printed.split() if file.startswith(f"{ROOT}/") and "/.venv/" not in file}


@pytest.mark.parametrize("rule", REPORTING)
def test_inputs_hold_the_code_that_the_program_loads(jobs, rule):
    inputs, module = jobs[rule]
    files = loaded(module)
    assert any(module.replace(".", "/") in file for file in files)
    assert files <= inputs


@pytest.mark.parametrize("rule", ["score", "lm_eval_crosscheck", "contamination"])
def test_inputs_hold_the_suites_that_the_catalogue_imports_by_name(jobs, rule):
    suites = [*ROOT.glob("eval/suites/evaluation/*.py"), *ROOT.glob("eval/suites/hashes/*.json")]
    assert suites
    assert set(map(str, suites)) <= jobs[rule][0]


@pytest.mark.parametrize(
    ("rule", "file"),
    [
        ("score", "envs/chain_arithmetic/environment.py"),
        ("score", "eval/grading/compare.py"),
        ("score", "eval/votes.py"),
        ("score", "eval/statistics/majority.py"),
        ("score", "eval/alfworld/long_table.py"),
        ("score", "eval/alfworld/scores.py"),
        ("table", "eval/alfworld/columns.py"),
        ("table", "eval/suites/contamination.py"),
        ("lm_eval_crosscheck", "eval/lm_eval/tasks/task.py"),
    ],
)
def test_inputs_hold_what_numbers_depend_on(jobs, rule, file):
    assert str(ROOT / file) in jobs[rule][0]


def test_training_does_not_wait_for_code(jobs):
    assert not any(file.endswith(".py") for file in jobs["generate"][0])


def test_sources_hold_modules_their_packages_and_what_those_import():
    found = sources("eval.claims.__main__")
    assert {"eval/claims/__main__.py", "eval/claims/__init__.py", "eval/__init__.py"} <= set(found)
    assert "eval/alfworld/columns.py" in found  # from eval.alfworld import columns
    assert "eval/statistics/rule_of_three.py" in found  # two imports away
    assert found == sorted(found)
    assert "eval/score.py" not in found


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(ModuleNotFoundError, match=r"eval\.scores"):
        sources("eval.report.tables", "eval.scores")
