"""The math environment on a small folder of its own, and on the real suites where they lie."""

import json
import os
from pathlib import Path

import pytest

import envs
from envs.environment import Problem

MATH = envs.load("math")
REAL = Path(os.environ.get("OPD_MATH_DATA", Path(__file__).parents[3] / "shared/data/math"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    rows = [
        {"id": 1, "problem": "What is 1 + 1?", "answer": "2"},
        {"id": 2, "problem": "What is 2 + 2?", "answer": "4"},
        {"id": 3, "problem": "What is 2 + 2?", "answer": "5"},
        {"id": 4, "problem": "一加一等于多少?", "answer": "2"},
        {"id": 5, "problem": "What is 1 + 1?", "answer": "2"},
        {"id": 6, "problem": "What is {x}?", "answer": "x"},
        {"id": 7, "problem": "What is 3 + 3?", "answer": "6"},
    ]
    for name in ("train_dapo_math_17k", *MATH.suites):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("OPD_MATH_DATA", str(tmp_path))
    return envs.load("math")


def test_training_drops_conflicts_repeats_and_chinese(folder):
    ids = [problem.id for problem in folder.training_problems(0, 0, 3)]
    assert sorted(ids) == ["1", "6", "7"]


def test_every_epoch_is_a_new_order_of_everything(folder):
    epochs = [[p.id for p in folder.training_problems(0, step, 3)] for step in range(8)]
    assert all(sorted(epoch) == ["1", "6", "7"] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert epochs == [[p.id for p in envs.load("math").training_problems(0, step, 3)] for step in range(8)]


def test_suites_come_whole_or_in_part_with_the_papers_prompt(folder):
    assert len(folder.suite_problems("aime24", None)) == 7
    (problem,) = folder.suite_problems("aime24", 1)
    assert problem.question.startswith("Math problem: What is 1 + 1?\n\nPlease carefully")
    assert problem.question.endswith("within \\boxed{}.\n")


def test_without_a_folder_the_error_says_what_to_set(monkeypatch):
    monkeypatch.delenv("OPD_MATH_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="set OPD_MATH_DATA"):
        envs.load("math").suite_problems("math500", None)


@pytest.mark.parametrize(
    ("gold", "response", "correct"),
    [
        ("\\frac{1}{2}", "<think>x</think> It is $\\boxed{0.5}$", True),
        ("\\frac{1}{2}", "<think>x</think> It is $\\boxed{\\frac{1}{3}}$", False),
        ("204", "<think>\\boxed{204}</think> It is 204", False),
        ("204", "<think>so</think> \\boxed{204}", True),
        ("204", "no box: 204", False),
    ],
)
def test_verify(gold, response, correct):
    assert MATH.verify(Problem("1", "q", gold), response) is correct


@pytest.mark.skipif(not REAL.is_dir(), reason="the real suites are not here: set OPD_MATH_DATA")
def test_real_suites_have_their_known_sizes(monkeypatch):
    monkeypatch.setenv("OPD_MATH_DATA", str(REAL))
    sizes = {suite: len(MATH.suite_problems(suite, None)) for suite in MATH.suites}
    assert sizes == {
        "math500": 500,
        "aime24": 30,
        "aime25": 30,
        "minerva_math": 272,
        "olympiadbench": 675,
    }
    # 17,255 distinct prompts less 12 with conflicting answers, less the Chinese ones.
    training = envs.load("math")._training
    assert len({problem.question for problem in training}) == len(training)
    assert 13_000 < len(training) < 15_000
