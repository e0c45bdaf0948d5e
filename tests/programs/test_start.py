"""A program that is started lean is the one that `python -m` starts."""

import gc
import re
import subprocess
import sys

import pytest

from programs.imports import sources
from programs.provenance import ROOT
from programs.start import begun

TEXT = {"capture_output": True, "text": True, "check": False}
PROGRAM = """
import gc, sys
found = []
for name in ("sklearn", "scipy", "numpy"):
    try:
        __import__(name)
        found.append(name)
    except ModuleNotFoundError:
        pass
print(__name__, sys.argv[1:], found, gc.isenabled())
from programs.start import begun
begun()
import scipy, sklearn
print(gc.isenabled())
"""


@pytest.mark.parametrize(
    ("start", "found", "collects"),
    [([], "['sklearn', 'scipy', 'numpy']", True), (["programs.start"], "['numpy']", False)],
)
def test_while_a_program_imports_it_does_without_some_packages_and_collections(
    tmp_path, start, found, collects
):
    (tmp_path / "mine.py").write_text(PROGRAM)
    command = [sys.executable, "-m", *start, "mine", "--out", "x"]
    run = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}, **TEXT)
    assert run.stdout.splitlines() == [f"__main__ ['--out', 'x'] {found} {collects}", "True"], run.stderr


def test_to_begin_undoes_nothing_that_another_has_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "mine", None)
    begun()
    assert sys.modules["mine"] is None
    assert gc.isenabled()


def test_no_program_that_the_rules_start_so_imports_what_is_left_out():
    rules = "".join(path.read_text() for path in (ROOT / "workflows" / "rules").glob("*.smk"))
    programs = set(re.findall(r"\{resources\.launcher\} ([\w.]+)", rules))
    assert {"opd.distill", "opd.sft", "eval.generate"} <= programs
    for program in programs:
        for path in sources(program):
            text = (ROOT / path).read_text()
            assert not re.search(r"^(from|import) (scipy|sklearn)", text, re.M), f"{program}: {path}"
