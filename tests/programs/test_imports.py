"""A report is made again when the code behind it changes: rules have a hash of what their programs load."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from programs import imports
from programs.imports import digest, sources
from programs.provenance import ROOT

RULES = "\n".join(path.read_text() for path in sorted(ROOT.glob("workflows/rules/*.smk")))
_RULE = r'code=digest\("([\w.]+)"\)(?:(?!\n    *rule).)*?-m (?:programs\.start )?((?:eval|studies)[\w.]*)'
_LOADED = """
import sys, importlib
importlib.import_module(sys.argv[1])
print(*(module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)))
"""
_LOADS = """
import sys, importlib
for module in sys.argv[1:]:
    importlib.import_module(module)
print(*sys.modules)
"""


def module_of(program: str) -> str:
    """The module that `python -m` runs."""
    return f"{program}.__main__" if (ROOT / program.replace(".", "/")).is_dir() else program


def loaded(module: str) -> set[str]:
    """Files of this repository that a program loads when it starts."""
    command = [sys.executable, "-c", _LOADED, module]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return {
        str(Path(file).relative_to(ROOT))
        for file in printed.split()
        if file.startswith(f"{ROOT}/") and "/.venv/" not in file
    }


def test_every_rule_hashes_the_program_that_it_runs():
    pairs = re.findall(_RULE, RULES, re.S)
    assert len(pairs) == RULES.count("digest(") == 10
    assert all(hashed == module_of(program) for hashed, program in pairs)


@pytest.mark.parametrize("program", sorted(set(re.findall(r'digest\("([\w.]+)"\)', RULES))))
def test_sources_hold_the_code_that_the_program_loads(program):
    files = loaded(program)
    assert program.replace(".", "/") + ".py" in files
    assert files <= set(sources(program))


@pytest.mark.parametrize("program", ["eval.score", "eval.lm_eval.crosscheck", "eval.suites.__main__"])
def test_sources_hold_the_suites_that_the_catalogue_imports_by_name(program):
    suites = [*ROOT.glob("eval/suites/evaluation/*.py"), *ROOT.glob("eval/suites/hashes/*.json")]
    assert suites
    assert {str(path.relative_to(ROOT)) for path in suites} <= set(sources(program))


@pytest.mark.parametrize(
    ("program", "file"),
    [
        ("eval.score", "envs/chain_arithmetic/environment.py"),
        ("eval.score", "eval/grading/compare.py"),
        ("eval.score", "eval/votes.py"),
        ("eval.score", "eval/statistics/majority.py"),
        ("eval.score", "eval/alfworld/long_table.py"),
        ("eval.score", "eval/alfworld/scores.py"),
        ("eval.report.tables", "eval/alfworld/columns.py"),
        ("eval.report.tables", "eval/suites/contamination.py"),
        ("eval.lm_eval.crosscheck", "eval/lm_eval/tasks/task.py"),
        ("eval.lm_eval.crosscheck", "eval/lm_eval/tasks/_base.yaml"),
    ],
)
def test_sources_hold_what_numbers_depend_on(program, file):
    assert file in sources(program)


@pytest.mark.parametrize("stage", ["models", "sft", "distill", "reinforce"])
def test_training_does_not_wait_for_code(stage):
    assert "digest(" not in (ROOT / f"workflows/rules/{stage}.smk").read_text()


@pytest.mark.parametrize(
    ("rule", "program"),
    [
        ("generate", "{resources.launcher} eval.generate"),
        ("play", "-m eval.alfworld"),
        ("score_signal", "{resources.launcher} studies.signal.score"),
    ],
)
def test_models_are_not_asked_again_when_code_changes(rule, program):
    text = re.search(rf"^rule {rule}:\n(?:(?: .*)?\n)+", RULES, re.M)[0]
    assert program in text
    assert "digest(" not in text


def test_the_estimators_do_not_wait_for_specs_of_training():
    assert not any(file.startswith("opd/") for file in sources("studies.estimators.__main__"))


def test_sources_hold_modules_their_packages_and_what_those_import():
    found = sources("eval.claims.__main__")
    assert {"eval/claims/__main__.py", "eval/claims/__init__.py", "eval/__init__.py"} <= set(found)
    assert "eval/alfworld/columns.py" in found  # from eval.alfworld import columns
    assert "eval/statistics/rule_of_three.py" in found  # two imports away
    assert found == sorted(found)
    assert "eval/score.py" not in found


def modules(*patterns: str) -> list[str]:
    """The modules of this repository whose files are at patterns, without rehearsals and trials of steps."""
    trials = ("rehearsal", "measure", "profile", "trial")
    files = [path.relative_to(ROOT) for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    dotted = [".".join(file.with_suffix("").parts) for file in files if file.stem not in trials]
    return [name.removesuffix(".__init__") for name in dotted]


@pytest.mark.parametrize(
    ("package", "others"), [("grading", ["programs/"]), ("suites", ["programs/"]), ("statistics", [])]
)
def test_packages_that_import_nothing_else_of_the_project(package, others):
    found = {file for module in modules(f"eval/{package}/**/*.py") for file in sources(module)}
    assert f"eval/{package}/__init__.py" in found
    allowed = (f"eval/{package}/", "eval/__init__.py", *others)
    assert sorted(file for file in found if not file.startswith(allowed)) == []


@pytest.mark.parametrize(
    "patterns",
    [
        ("workflows/**/*.py", "opd/spec/*.py", "opd/names.py", "opd/objectives.py"),
        ("opd/plan/*.py",),
        ("eval/spec.py", "eval/*/spec.py", "studies/*/spec.py"),
        ("eval/report/*.py", "eval/claims/*.py", "eval/score.py", "opd/diagnostics/trigrams.py"),
        ("studies/signal/__main__.py", "studies/signal/failures.py", "studies/signal/stored.py"),
    ],
    ids=lambda patterns: patterns[0],
)
def test_modules_that_load_neither_torch_nor_snakemake(patterns):
    named = modules(*patterns)
    command = [sys.executable, "-c", _LOADS, *named]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    assert set(named) <= set(found)
    assert {"torch", "snakemake"} & set(found) == set()


def forget() -> None:
    for kept in (imports._file, imports._imported):
        kept.cache_clear()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A repository of one package, eval, whose module one imports two."""
    (tmp_path / "eval").mkdir()
    for name, text in (("__init__", ""), ("one", "from eval import two\n"), ("two", "")):
        (tmp_path / f"eval/{name}.py").write_text(text)
    monkeypatch.setattr(imports, "ROOT", tmp_path)
    forget()
    yield tmp_path
    forget()


def test_a_digest_changes_with_a_file_and_not_with_its_time(elsewhere):
    before = digest("eval.one")
    os.utime(elsewhere / "eval/two.py", (0, 0))
    forget()
    assert digest("eval.one") == before
    (elsewhere / "eval/two.py").write_text("ANSWER = 42\n")
    forget()
    assert digest("eval.one") != before


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(ModuleNotFoundError, match=r"eval\.scores"):
        sources("eval.scores")
