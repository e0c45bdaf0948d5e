"""Programs end with a sentence where their user can mend something, with a traceback where they are wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from opd import fetch
from opd.spec import HubModelSpec
from programs import command_line as program
from programs.errors import UserError
from programs.provenance import ROOT
from workflows.explain import ConfigError


def fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    "kind", [UserError, ConfigError, FileNotFoundError, PermissionError, ModuleNotFoundError]
)
def test_what_the_user_can_mend_is_a_sentence(kind):
    with pytest.raises(SystemExit) as raised:
        program.launch(fail, kind("write 3"))
    assert raised.value.code == "write 3"  # printed, and the status is 1


@pytest.mark.parametrize("error", [ValueError("shapes differ"), KeyError("row"), FloatingPointError("nan")])
def test_errors_of_the_program_keep_their_traceback(error):
    with pytest.raises(type(error)):
        program.launch(fail, error)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("{}", "hub_id: Field required; revision: Field required"),
        ("nowhere.json", "No such file or directory: 'nowhere.json'"),
        ('{"hub_id": ', "Invalid JSON"),
    ],
)
def test_a_wrong_spec_is_refused_by_the_command_line(monkeypatch, capsys, spec, sentence):
    monkeypatch.setattr(sys, "argv", ["opd.fetch", "--spec", spec, "--out", "model"])
    with pytest.raises(SystemExit) as raised:
        program.arguments(fetch.__doc__, HubModelSpec, out="model folder to write")
    assert raised.value.code == 2
    assert sentence in capsys.readouterr().err


TEACHERS = ("tasks' teachers", HubModelSpec, frozenset({"teachers"}))
SPEC = '{"hub_id": "/models/one", "revision": null}'


@pytest.mark.parametrize("between", [[], ["--teachers"]])
def test_named_paths_may_come_together_or_one_by_one(monkeypatch, between):
    given = ["--spec", SPEC, "--teachers", "a=X", *between, "b=Y=Z"]
    monkeypatch.setattr(sys, "argv", ["opd.distill", *given])
    spec, teachers = program.arguments(*TEACHERS, teachers="a task's teacher")
    assert spec.hub_id == "/models/one"
    assert teachers == {"a": Path("X"), "b": Path("Y=Z")}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["a=X", "a=Y"], "--teachers: a stands twice; write it once"),
        (["a=X", "--teachers", "a=Y"], "--teachers: a stands twice; write it once"),
        (["a="], "'a=' is not NAME=PATH"),
        (["=X"], "'=X' is not NAME=PATH"),
        (["X"], "'X' is not NAME=PATH"),
    ],
)
def test_no_named_path_is_lost(monkeypatch, capsys, given, sentence):
    monkeypatch.setattr(sys, "argv", ["opd.distill", "--spec", SPEC, "--teachers", *given])
    with pytest.raises(SystemExit) as raised:
        program.arguments(*TEACHERS, teachers="a task's teacher")
    assert raised.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_program_of_another_process_prints_one_line(tmp_path):
    """As a user sees it: a folder that holds no model."""
    asked = [
        "--suite",
        "chain2",
        "--limit",
        "1",
        "--model",
        str(tmp_path),
        "--out",
        str(tmp_path / "out.jsonl"),
    ]
    command = [sys.executable, "-m", "eval.generate", *asked]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 1
    assert result.stderr.strip() == f"{tmp_path} is no model folder: it holds no config.json"
