"""The math environment on a small folder of its own, and on the real suites if they are at hand."""

import json

import pytest

import envs
from envs.environment import Problem
from envs.math import Math
from eval import suites
from programs.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Thirty AIME problems, and 14,116 training rows of which three prompts are fit for training."""
    suite = [{"id": f"x-{n}", "problem": f"What is {{{n}}} + 1?", "answer": f"{n + 1:03}"} for n in range(30)]
    training = [
        {"id": 1, "problem": "What is 1 + 1?", "answer": "2"},
        {"id": 2, "problem": "What is 2 + 2?", "answer": "4"},
        {"id": 3, "problem": "What is 2 + 2?", "answer": "5"},
        {"id": 4, "problem": "一加一等于多少?", "answer": "2"},
        {"id": 6, "problem": "What is {x}?", "answer": "6"},
        {"id": 7, "problem": "What is 3 + 3?", "answer": "6"},
    ]
    training += training[:1] * (14_116 - len(training))
    for name, rows in (("aime24", suite), ("dapo_math_17k", training)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("OPD_MATH_DATA", str(tmp_path))
    return tmp_path


def test_training_prompts_are_the_cleaned_ones_in_the_papers_words(folder):
    problems = envs.load("math").training_problems(0, 0, 3)
    assert sorted(problem.id for problem in problems) == ["1", "6", "7"]
    assert {problem.answer for problem in problems} == {"2", "6"}
    assert all(problem.question.startswith("Math problem: What is ") for problem in problems)


def test_every_epoch_is_a_new_order_of_everything(folder):
    environment = envs.load("math")
    epochs = [[p.id for p in environment.training_problems(0, step, 3)] for step in range(8)]
    assert all(sorted(epoch) == ["1", "6", "7"] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    others = [[p.id for p in environment.training_problems(1, step, 3)] for step in range(8)]
    assert others != epochs
    assert epochs == [[p.id for p in envs.load("math").training_problems(0, step, 3)] for step in range(8)]


def test_suites_come_whole_or_in_part_with_normalised_golds(folder):
    environment = envs.load("math")
    assert [problem.answer for problem in environment.suite_problems("aime24", None)] == [
        str(n + 1) for n in range(30)
    ]
    (problem,) = environment.suite_problems("aime24", 1)
    assert problem.question.startswith("Math problem: What is {0} + 1?\n\nPlease carefully")
    assert problem.question.endswith("within \\boxed{}.\n")
    (plain,) = Math(prompt="plain").suite_problems("aime24", 1)
    assert plain.question.startswith("What is {0} + 1?\n\nPlease reason step by step")


def test_results_can_state_the_copy(folder):
    stated = envs.load("math").describe("aime24")
    assert stated["status"] == "unverified"
    assert stated["problems"] == 30
    assert stated["source"] == str(folder / "aime24.jsonl")


def test_a_suite_of_the_wrong_size_is_refused(folder):
    (folder / "math500.jsonl").write_text('{"problem": "What is 1?", "answer": "1"}\n')
    with pytest.raises(suites.SuiteContentError, match="math500 has 500 rows"):
        envs.load("math").suite_problems("math500", 1)


@pytest.mark.parametrize(
    ("suite", "environment"),
    [("math500", "math"), ("olympiadbench_674", "math"), ("chain3", "chain_arithmetic")],
)
def test_the_environment_of_a_suite(suite, environment):
    assert envs.environment_of(suite) == environment


def test_an_unknown_suite_is_an_error_that_lists_the_known_ones():
    with pytest.raises(UserError, match=r"unknown suite 'math501'; known: chain2, .*olympiadbench_674$"):
        envs.environment_of("math501")


def test_the_default_suites_are_known():
    assert set(Math.suites) < set(suites.evaluation_suites())


@pytest.mark.parametrize(
    ("gold", "response", "verdict"),
    [
        ("\\frac{1}{2}", "<think>x</think> It is $\\boxed{0.5}$", "correct"),
        ("\\frac{1}{2}", "<think>x</think> It is $\\boxed{\\frac{1}{3}}$", "wrong"),
        ("204", "<think>\\boxed{204}</think> It is 204", "wrong"),
        ("204", "<think>so</think> \\boxed{204}", "correct"),
        ("204", "no box: 204", "wrong"),
    ],
)
def test_grade(math, gold, response, verdict):
    (grade,) = math.grade([(Problem("1", "q", gold), response)])
    assert grade.verdict == verdict


def test_group(math):
    first, second, third = math.group(["\\frac{1}{2}", "0.5", "\\frac{1}{3}"])
    assert first == second != third


@pytest.fixture(scope="module")
def math():
    return envs.load("math")


@pytest.mark.usefixtures("math_data")
def test_real_suites_are_verified():
    environment = envs.load("math")
    sizes = {suite: len(environment.suite_problems(suite, None)) for suite in environment.suites}
    assert sizes == {
        "math500": 500,
        "aime24": 30,
        "aime25": 30,
        "minerva_math": 272,
        "olympiadbench": 675,
    }
    assert {environment.describe(suite)["status"] for suite in sizes} == {"verified"}
    problems = environment.training_problems(0, 0, 13_976)
    assert len({problem.question for problem in problems}) == 13_976
