"""Labelled answer pairs, where their file lies: how often the grader is wrong where no convention decides."""

import json
import os
from pathlib import Path

import pytest

from eval.grading import Grader

FOLDER = Path(os.environ.get("OPD_MATH_DATA", Path(__file__).parents[4] / "shared/data/math"))
CASES = FOLDER / "grader_cases.jsonl"


@pytest.mark.skipif(not CASES.is_file(), reason="grader_cases.jsonl is not here: set OPD_MATH_DATA")
def test_error_rates():
    rows = [json.loads(line) for line in CASES.open()]
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
