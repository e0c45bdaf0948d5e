"""Labelled answer pairs, if they are at hand: how often the grader is wrong where no convention decides."""

import json

import pytest

from eval.grading import DEFAULT, STRICT, Grader

PATTERNS = [
    r"It is \boxed{{{0}}}.",
    r"\boxed{{{0}}}." + "\n\n" + r"\boxed{{{0}}}",
    r"\boxed{{{0}}} or \boxed{{{0}}}",
    r"\boxed{{1}} \quad \boxed{{{0}}}",
    r"\boxed{{1}}, \boxed{{{0}}}",
]


@pytest.fixture(scope="module")
def rows(math_data) -> list[dict]:
    path = math_data / "grader_cases.jsonl"
    if not path.is_file():
        pytest.skip(f"{path} is not there: the folder in OPD_MATH_DATA has no labelled pairs")
    return [json.loads(line) for line in path.open()]


def test_error_rates(rows):
    facts = [row for row in rows if row["kind"] == "answer" and not row["policy"]]
    with Grader() as grader:
        grades = grader.answers([(row["gold"], row["pred"]) for row in facts])
    accepted = [(row, grade.verdict == "correct") for row, grade in zip(facts, grades, strict=True)]
    wrong_accepts = [row["id"] for row, accept in accepted if accept and not row["equal"]]
    wrong_rejects = [row["id"] for row, accept in accepted if not accept and row["equal"]]
    different = sum(not row["equal"] for row in facts)
    assert len(facts) > 300
    assert len(wrong_accepts) <= 0.005 * different, wrong_accepts
    assert len(wrong_rejects) <= 0.04 * (len(facts) - different), wrong_rejects
    assert max(grade.seconds for grade in grades) < 6


def test_what_the_strict_conventions_accept_the_default_ones_accept(rows):
    """As answers, and as responses that box the answer once, twice, and beside other boxes."""
    pairs = [(row["gold"], row["pred"]) for row in rows if row["kind"] == "answer"]
    boxed = [(gold, pattern.format(pred)) for gold, pred in pairs for pattern in PATTERNS]
    responses = boxed + [(row["gold"], row["pred"]) for row in rows if row["kind"] == "response"]
    verdicts = []
    for conventions in (STRICT, DEFAULT):
        with Grader(conventions) as grader:
            grades = grader.answers(pairs) + grader.responses(responses)
        verdicts.append([grade.verdict for grade in grades])
    both = list(zip([*pairs, *responses], *verdicts, strict=True))
    assert sum(strict == "correct" for _, strict, _ in both) > 600
    assert not [pair for pair, strict, default in both if (strict, default) == ("correct", "wrong")]
