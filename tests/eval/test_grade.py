"""The grading commands, as users run them."""

import json
import sys

import pytest

import envs
from eval import grade
from programs.errors import UserError
from tests.json_lines import read_lines


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["grade", *map(str, arguments)])
    grade.main()


CASES = [
    {"id": "a", "gold": r"\frac12", "pred": "0.5", "kind": "answer"},
    {"id": "b", "gold": "5", "pred": r"<think>\boxed{4}</think>\boxed{5}", "kind": "response"},
    {"id": "c", "gold": "5", "pred": r"\boxed{\sqrt{26}}", "kind": "response"},
    {"id": "d", "gold": "5", "pred": "9**9**9**9", "kind": "answer"},
    {"id": "a", "gold": "15", "pred": r"15 \text{ cm}", "kind": "answer"},
]


def test_pairs_keeps_order_and_says_why(tmp_path, monkeypatch, capsys):
    run(monkeypatch, "pairs", write(tmp_path / "cases.jsonl", CASES), tmp_path / "out.jsonl")
    rows = read_lines(tmp_path / "out.jsonl")
    assert [row["id"] for row in rows] == ["a", "b", "c", "d", "a"]
    assert [row["verdict"] for row in rows] == ["correct", "correct", "wrong", "ungraded", "correct"]
    assert all(row.keys() == {"id", "verdict", "reason", "seconds"} for row in rows)
    printed = capsys.readouterr().out
    assert "3 correct (60.00 %), 1 wrong (20.00 %), 0 truncated (0.00 %), 1 ungraded (20.00 %)" in printed
    assert "ungraded, 1: a power is too large" in printed


def test_numbers_and_null_are_read_as_text(tmp_path):
    cases = [{"id": 1, "gold": 204, "pred": "204.0", "kind": "answer"}, CASES[1] | {"pred": None}]
    grade.grade_pairs(write(tmp_path / "cases.jsonl", cases), tmp_path / "out.jsonl")
    assert [row["verdict"] for row in read_lines(tmp_path / "out.jsonl")] == ["correct", "wrong"]


def test_pairs_under_strict_conventions(tmp_path, monkeypatch):
    cases = write(tmp_path / "cases.jsonl", CASES[-1:])
    run(monkeypatch, "pairs", cases, tmp_path / "out.jsonl", "--conventions", "strict")
    assert [row["verdict"] for row in read_lines(tmp_path / "out.jsonl")] == ["wrong"]


def test_bad_rows_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"line 2 has no kind"):
        grade.grade_pairs(
            write(tmp_path / "a.jsonl", [CASES[0], {"id": 1, "gold": "", "pred": ""}]), tmp_path / "o"
        )
    with pytest.raises(ValueError, match="not 'essay'"):
        grade.grade_pairs(write(tmp_path / "b.jsonl", [CASES[0] | {"kind": "essay"}]), tmp_path / "o")
    assert not (tmp_path / "o").exists()


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """A stand-in for aime24 of the right size, in the form of the folder that users name."""
    rows = [{"id": f"2024-{n}", "problem": f"What is {n}?", "answer": f"{n:03d}"} for n in range(30)]
    write(tmp_path / "aime24.jsonl", rows)
    monkeypatch.setenv("OPD_MATH_DATA", str(tmp_path))
    return [problem.id for problem in envs.load("math").suite_problems("aime24", None)]


def response(problem, text, **more):
    return {"suite": "aime24", "problem": problem, "response": text, "finish_reason": "stop"} | more


def test_responses_are_graded_against_the_suite(suite, tmp_path, monkeypatch, capsys):
    rows = [
        response(suite[7], r"\boxed{7}", sample=3, protocol="avg@4", tokens=9),
        response(suite[8], r"\boxed{8 \text{ cm}}"),
        response(suite[9], r"\boxed{9}", finish_reason="length"),
        response(suite[10], "The answer is 10."),
        response(suite[11], r"\boxed{12}"),
        {"suite": "math500", "problem": "x", "response": r"\boxed{1}"},
    ]
    source = write(tmp_path / "responses.jsonl", rows)
    run(monkeypatch, "responses", source, tmp_path / "graded.jsonl", "--suite", "aime24")
    graded = read_lines(tmp_path / "graded.jsonl")
    assert [row["verdict"] for row in graded] == ["correct", "correct", "truncated", "wrong", "wrong"]
    assert [row["answer"] for row in graded] == ["7", r"8 \text{ cm}", None, None, "12"]
    assert graded[0]["sample"] == 3
    assert graded[0]["protocol"] == "avg@4"
    assert "response" not in graded[0]
    assert {(row["suite"], row["suite_status"]) for row in graded} == {("aime24", "unverified")}
    printed = capsys.readouterr().out
    assert "suite aime24, version 1, problems 30, status unverified, sha256" in printed
    assert "2 correct (40.00 %)" in printed
    assert "under strict conventions: 1 correct (20.00 %)" in printed
    assert "under lenient extraction: 3 correct (60.00 %)" in printed


def test_strange_responses_are_refused(suite, tmp_path):
    source = write(tmp_path / "responses.jsonl", [response("2025-1", r"\boxed{7}")])
    with pytest.raises(ValueError, match="aime24 has no problem '2025-1'"):
        grade.grade_responses(source, tmp_path / "o", "aime24")
    with pytest.raises(ValueError, match="no responses to chain2"):
        grade.grade_responses(source, tmp_path / "o", "chain2")


def test_a_sample_that_is_there_twice_is_refused(suite, tmp_path):
    """Also where neither says which sample it is: both are then the first."""
    rows = [response(suite[7], r"\boxed{7}", sample=j, protocol="avg@2") for j in (0, 1)]
    elsewhere = {"suite": "math500", "problem": "x", "response": "", "sample": 0, "protocol": "avg@2"}
    grade.grade_responses(write(tmp_path / "r", [*rows, elsewhere, elsewhere]), tmp_path / "o", "aime24")
    assert len(read_lines(tmp_path / "o")) == 2
    twice = f"sample 0 of problem {suite[7]} of aime24 twice"
    with pytest.raises(UserError, match=f"{tmp_path}/twice holds {twice}"):
        grade.grade_responses(write(tmp_path / "twice", rows * 2), tmp_path / "p", "aime24")
    unnamed = [response(suite[7], text) for text in (r"\boxed{7}", r"\boxed{8}")]
    with pytest.raises(UserError, match=twice):
        grade.grade_responses(write(tmp_path / "unnamed", unnamed), tmp_path / "p", "aime24")
    assert not (tmp_path / "p").exists()


def test_generated_suites_are_graded_too(tmp_path):
    problems = envs.load("chain_arithmetic").suite_problems("chain2", 2)
    texts = [rf"<think> </think> \boxed{{{problem.answer}}}" for problem in problems]
    rows = [{"problem": p.id, "response": text} for p, text in zip(problems, texts, strict=True)]
    grade.grade_responses(write(tmp_path / "r.jsonl", rows), tmp_path / "sub" / "out.jsonl", "chain2")
    assert [row["verdict"] for row in read_lines(tmp_path / "sub" / "out.jsonl")] == ["correct", "correct"]


def test_lines_end_where_json_says_so(tmp_path):
    """Some characters end a line for Python and not for JSON."""
    cases = write(tmp_path / "cases.jsonl", [])
    cases.write_text(json.dumps(CASES[0] | {"note": "a\u2028b\x85c"}, ensure_ascii=False) + "\n")
    grade.grade_pairs(cases, tmp_path / "out.jsonl")
    assert len(read_lines(tmp_path / "out.jsonl")) == 1
