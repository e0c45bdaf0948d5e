"""A result names the code that made it: the hash follows the packages' files, the commit is git's."""

import re
import subprocess
from importlib.metadata import version

import pytest

from programs import provenance
from programs.command_line import launch
from programs.provenance import ROOT, hash_of, source_hash

PACKAGES = {path.parent.name for path in ROOT.glob("*/__init__.py")}
MAKE_NUMBERS = sorted(PACKAGES - {"tests", "workflows"})


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A repository whose packages have a file each."""
    for package in PACKAGES:
        (tmp_path / package / "inner").mkdir(parents=True)
        (tmp_path / package / "inner/module.py").write_text("ANSWER = 41\n")
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    provenance.code.cache_clear()
    yield tmp_path
    provenance.code.cache_clear()


@pytest.mark.parametrize("package", MAKE_NUMBERS)
def test_a_file_of_any_package_that_makes_numbers_changes_the_source_hash(elsewhere, package):
    before = source_hash()
    (elsewhere / package / "inner/module.py").write_text("ANSWER = 42\n")
    changed = source_hash()
    (elsewhere / package / "another.py").touch()
    assert len({before, changed, source_hash()}) == 3


@pytest.mark.parametrize("file", ["workflows/inner/module.py", "tests/inner/module.py", "opd/notes.txt"])
def test_other_files_do_not(elsewhere, file):
    before = source_hash()
    (elsewhere / file).write_text("ANSWER = 42\n")
    assert source_hash() == before


def test_a_hash_follows_names_contents_and_order(tmp_path):
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("1")
    two.write_text("2")
    found = hash_of(tmp_path, [one, two])
    assert re.fullmatch("[0-9a-f]{16}", found)
    assert hash_of(tmp_path, [two, one]) != found
    assert hash_of(tmp_path, [one]) != found
    assert hash_of(tmp_path, [one, two.rename(tmp_path / "three.py")]) != found
    (tmp_path / "three.py").rename(two)
    assert hash_of(tmp_path, [one, two]) == found
    two.write_text("3")
    assert hash_of(tmp_path, [one, two]) != found


def test_a_hash_does_not_know_where_the_repository_is(tmp_path):
    for folder in (tmp_path / "here", tmp_path / "there"):
        folder.mkdir()
        (folder / "one.py").write_text("1")
    here, there = (hash_of(tmp_path / name, [tmp_path / name / "one.py"]) for name in ("here", "there"))
    assert here == there


def test_the_commit_says_whether_files_differ(elsewhere):
    git = ["git", "-C", str(elsewhere), "-c", "user.name=someone", "-c", "user.email=someone@nowhere"]
    for command in ("init --quiet", "add .", "commit --quiet --message first"):
        subprocess.run([*git, *command.split()], check=True)
    commit = provenance.provenance()["commit"]
    assert re.fullmatch("[0-9a-f]{10,}", commit)
    (elsewhere / "opd/inner/module.py").write_text("ANSWER = 42\n")
    provenance.code.cache_clear()
    assert provenance.provenance()["commit"] == f"{commit}-dirty"


def test_a_tree_that_is_edited_while_a_program_runs_is_not_what_ran(elsewhere):
    stamped = []

    def program():
        (elsewhere / "opd/inner/module.py").write_text("ANSWER = 42\n")
        stamped.append(provenance.provenance()["source_sha256"])

    before = source_hash()
    launch(program)
    assert stamped == [before] != [source_hash()]


def test_without_git_the_commit_is_unknown(elsewhere, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(elsewhere.parent))
    assert provenance.provenance()["commit"] == "unknown"
    provenance.code.cache_clear()
    monkeypatch.setenv("PATH", "")  # nor is git installed
    assert provenance.provenance()["commit"] == "unknown"


def test_source_and_libraries_stand_beside_the_commit():
    found = provenance.provenance()
    assert found["source_sha256"] == source_hash()
    libraries = ("torch", "transformers", "numpy", "math-verify", "datasets")
    assert {name: found[name] for name in libraries} == {name: version(name) for name in libraries}
