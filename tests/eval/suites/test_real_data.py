"""The definitions against the real data, where $OPD_MATH_DATA names a folder of it."""

import pytest

from eval import suites
from eval.suites.contamination import overlaps
from eval.suites.diff import differences
from eval.suites.text import problem_text

ALL = (*suites.evaluation_suites(), *suites.training_sets())


@pytest.fixture(scope="module")
def loaded(math_data):
    return {name: suites.load(suites.get(name), math_data) for name in ALL}


@pytest.mark.parametrize("name", suites.evaluation_suites())
def test_every_suite_is_the_reference_copy(loaded, name):
    suite = loaded[name]
    assert suite.status == "verified"
    assert suite.copy is suite.suite.copies[0]
    assert differences(name, suite.items) == []
    assert not any(item.id.startswith("unknown") for item in suite.items)


@pytest.mark.parametrize("name", ALL)
def test_normalising_twice_changes_nothing(loaded, name):
    suite = loaded[name]
    assert [suite.suite.answer(item.answer) for item in suite.items] == [item.answer for item in suite.items]
    assert all(problem_text(item.problem) == item.problem for item in suite.items)


def test_the_two_olympiadbench_versions_differ_in_17_problems(loaded):
    first = {item.id: item for item in loaded["olympiadbench"].items}
    second = {item.id: item for item in loaded["olympiadbench_674"].items}
    assert first.keys() - second.keys() == {"olympiadbench-1965"}
    assert second.keys() <= first.keys()
    relay = {defect.what: set(defect.ids) for defect in loaded["olympiadbench"].suite.defects}
    differ = {name for name, item in second.items() if first[name] != item}
    assert differ == {"olympiadbench-2817"} | next(ids for what, ids in relay.items() if "relay" in what)


def test_training_prompts_and_what_was_removed(loaded):
    dapo = loaded["dapo_math_17k"]
    assert dapo.removed == {"duplicate": 729, "conflicting answers": 12, "no answer": 0, "not English": 3200}
    assert len(dapo.items) == 13_976
    assert len(loaded["math_train"].items) == 7_496
    assert len(loaded["gsm8k_train"].items) == 7_473


@pytest.mark.parametrize(
    ("training", "suite", "exact", "shared"),
    [
        ("dapo_math_17k", "math500", 8, 18),
        ("dapo_math_17k", "olympiadbench", 7, 51),
        ("dapo_math_17k", "aime24", 0, 0),
        ("dapo_math_17k", "aime25", 0, 0),
        ("dapo_math_17k", "minerva_math", 0, 0),
        ("math_train", "math500", 1, 19),
        ("math_train", "olympiadbench", 1, 2),
        ("gsm8k_train", "math500", 0, 0),
    ],
)
def test_contamination_as_documented(loaded, training, suite, exact, shared):
    found = overlaps((item.problem for item in loaded[training].items), loaded[suite].items)
    assert sum(overlap.exact for overlap in found) == exact
    assert sum(overlap.mostly_shared for overlap in found) == shared
