"""Every definition is found by its file name and holds together."""

import re
from pathlib import Path

import pytest

from eval import suites
from eval.suites import content
from programs.errors import UserError
from programs.provenance import ROOT

FOLDER = Path(suites.__file__).parent
DOCS = ROOT / "docs/suites.md"
ALL = (*suites.evaluation_suites(), *suites.training_sets())


def test_the_suites_are_the_files():
    assert suites.evaluation_suites() == (
        "aime24",
        "aime25",
        "math500",
        "minerva_math",
        "olympiadbench",
        "olympiadbench_674",
    )
    assert suites.training_sets() == ("dapo_math_17k", "gsm8k_train", "math_train")
    with pytest.raises(UserError, match="unknown suite 'math501'; known: aime24, aime25"):
        suites.get("math501")


@pytest.mark.parametrize("name", ALL)
def test_definitions_hold_together(name):
    suite = suites.get(name)
    assert suite.name == name
    assert suite.role == ("training" if name in suites.training_sets() else "evaluation")
    assert suite.hub.revision is None or re.fullmatch(r"[0-9a-f]{40}", suite.hub.revision)
    assert all(re.fullmatch(r"[0-9a-f]{64}", copy.sha256) for copy in suite.copies)
    assert len({copy.sha256 for copy in suite.copies}) == len(suite.copies) > 0
    assert suite.copy(suite.copies[0].sha256) is suite.copies[0]
    assert suite.copy("0" * 64) is None


@pytest.mark.parametrize("name", suites.evaluation_suites())
def test_hash_lists_have_every_problem_once_and_know_the_defects(name):
    suite, rows = suites.get(name), content.published(name)
    ids, texts = [row.id for row in rows], [text for row in rows for text in row.problems]
    assert (len(ids),) == suite.counts
    assert len(set(ids)) == len(ids)
    assert len(set(texts)) == len(texts)
    assert {each for defect in suite.defects for each in defect.ids} <= set(ids)


def test_prompts_hold_the_problem_and_one_pair_of_empty_braces():
    for prompt in suites.PROMPTS.values():
        filled = prompt.format(problem="What is {x}?")
        assert "What is {x}?" in filled
        assert "\\boxed{}" in filled
        assert "{{" not in filled


def test_the_documentation_names_every_suite_as_it_is():
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| (.*) \|$", DOCS.read_text(), re.M)
    assert {name for name, _, _ in rows} == set(ALL)
    for name, version, rest in rows:
        suite = suites.get(name)
        assert version == suite.version
        assert suite.hub.repository in rest
        assert all(f"{count:,}" in rest for count in suite.counts)


def test_the_documented_example_is_a_suite():
    code = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.S)[1]
    namespace = {}
    exec(code, namespace)
    assert isinstance(namespace["SUITE"], suites.Suite)


def test_no_hash_list_is_without_its_suite():
    assert {path.stem for path in (FOLDER / "hashes").iterdir()} == set(suites.evaluation_suites())
