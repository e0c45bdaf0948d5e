"""Responses are graded against the copy of a suite that was asked, and refused where another lies there."""

import json
from pathlib import Path

import pandas as pd
import pytest

import envs
from eval import grade, score
from eval.asked import asked_sha256, refuse_other_copies
from eval.generate import contents, questions
from eval.lm_eval import crosscheck
from eval.spec import GenerateSpec, ScoreSpec
from programs.errors import UserError
from tests.json_lines import read_lines

SAMPLING = {"temperature": 0, "top_p": 1, "max_new_tokens": 9}
PROTOCOLS = [{"name": "greedy", "samples": 1, "sampling": SAMPLING}]


def write(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def copy_of_aime24(folder: Path, question: str = "What is", first: int = 0) -> Path:
    """A folder with a copy of the suite that has these ids whatever is asked and what the golds are."""
    rows = [
        {"id": f"2024-{n}", "problem": f"{question} {n}?", "answer": f"{first + n:03d}"} for n in range(30)
    ]
    return write(folder / "aime24.jsonl", rows).parent


@pytest.fixture(autouse=True)
def copy(tmp_path, monkeypatch) -> Path:
    """The folder of the suites, with the copy that is asked."""
    monkeypatch.setenv("OPD_MATH_DATA", str(copy_of_aime24(tmp_path / "asked")))
    return tmp_path / "asked"


def answered(folder: Path, environment="math", suite="aime24", count: int | None = None) -> Path:
    """Right responses to a suite with the manifest of `eval.generate`."""
    spec = GenerateSpec(
        environment=environment,
        suites=(suite,),
        problems_per_suite=count,
        protocols=PROTOCOLS,
        batch_size=1,
    )
    source = envs.load(environment)
    asked = questions(spec, source)
    rows = [
        {
            "suite": suite,
            "problem": question.problem.id,
            "protocol": "greedy",
            "sample": 0,
            "finish_reason": "stop",
            "tokens": 9,
            "response": f"<think> </think> \\boxed{{{question.problem.answer}}}",
        }
        for question in asked
    ]
    manifest = {"spec": spec.model_dump(), "suites": contents(asked, source)}
    (folder / "responses.json").write_text(json.dumps(manifest))
    return write(folder / "responses.jsonl", rows)


def spec_of(responses: Path, **asked) -> ScoreSpec:
    evaluation = {"environment": "math", "suites": ["aime24"], "problems_per_suite": None, **asked}
    subjects = [{"row": "student", "seed": 0, "responses": str(responses)}]
    return ScoreSpec(**evaluation, protocols=PROTOCOLS, subjects=subjects)


@pytest.mark.parametrize("other", [{"question": "What might be"}, {"first": 7}], ids=["wording", "golds"])
def test_responses_to_another_copy_are_refused(copy, tmp_path, monkeypatch, other):
    responses = answered(tmp_path)
    here = copy_of_aime24(tmp_path / "here", **other)
    monkeypatch.setenv("OPD_MATH_DATA", str(here))
    message = (
        rf"responses\.jsonl answers another copy of aime24: asked was {copy}/aime24\.jsonl \(unverified, "
        rf"[0-9a-f]{{16}}\), and here is {here}/aime24\.jsonl .*OPD_MATH_DATA.*, or remove "
    )
    with pytest.raises(UserError, match=message):
        score.main(spec_of(responses), tmp_path / "scores.csv")
    with pytest.raises(UserError, match=message):
        grade.grade_responses(responses, tmp_path / "graded.jsonl", "aime24")
    with pytest.raises(UserError, match=message):
        crosscheck.main(spec_of(responses), tmp_path / "checks")
    assert not (tmp_path / "graded.jsonl").exists()


@pytest.mark.parametrize("count", [None, 3])
def test_the_copy_that_was_asked_may_lie_elsewhere(copy, tmp_path, monkeypatch, count):
    responses = answered(tmp_path, count=count)
    monkeypatch.setenv("OPD_MATH_DATA", str(copy.rename(tmp_path / "moved")))
    score.main(spec_of(responses, problems_per_suite=count), tmp_path / "scores.csv")
    assert pd.read_csv(tmp_path / "scores.csv").correct.sum() == (count or 30)
    grade.grade_responses(responses, tmp_path / "graded.jsonl", "aime24")
    assert {row["verdict"] for row in read_lines(tmp_path / "graded.jsonl")} == {"correct"}


def test_responses_without_a_manifest_are_graded_as_ever(tmp_path, monkeypatch):
    responses = answered(tmp_path)
    (tmp_path / "responses.json").unlink()
    monkeypatch.setenv("OPD_MATH_DATA", str(copy_of_aime24(tmp_path / "here", first=7)))
    score.main(spec_of(responses), tmp_path / "scores.csv")
    assert pd.read_csv(tmp_path / "scores.csv").wrong.sum() == 30
    (tmp_path / "responses.json").write_text("[]")  # somebody's own file
    grade.grade_responses(responses, tmp_path / "graded.jsonl", "aime24")
    lines = responses.rename(tmp_path / "lines.json")  # no manifest of its own
    grade.grade_responses(lines, tmp_path / "graded.jsonl", "aime24")
    assert {row["verdict"] for row in read_lines(tmp_path / "graded.jsonl")} == {"wrong"}


def test_a_manifest_that_cannot_be_read_is_named(tmp_path):
    responses = answered(tmp_path)
    (tmp_path / "responses.json").write_text('{"suites": ')
    with pytest.raises(UserError, match=r"responses\.json is no JSON"):
        score.main(spec_of(responses), tmp_path / "scores.csv")


def test_a_suite_is_graded_in_the_environment_that_asked(tmp_path):
    """Another environment words the prompts of the same copy otherwise."""
    responses = answered(tmp_path, environment="math_plain")
    grade.grade_responses(responses, tmp_path / "graded.jsonl", "aime24")
    assert {row["verdict"] for row in read_lines(tmp_path / "graded.jsonl")} == {"correct"}
    with pytest.raises(UserError, match="answers another copy of aime24"):
        score.main(spec_of(responses), tmp_path / "scores.csv")


def test_generated_suites_are_the_same_everywhere(tmp_path):
    responses = answered(tmp_path, "chain_arithmetic", "chain3", 4)
    asked = {"environment": "chain_arithmetic", "suites": ["chain3"]}
    score.main(spec_of(responses, **asked, problems_per_suite=4), tmp_path / "scores.csv")
    grade.grade_responses(responses, tmp_path / "graded.jsonl", "chain3")
    assert {row["verdict"] for row in read_lines(tmp_path / "graded.jsonl")} == {"correct"}
    with pytest.raises(UserError, match="does not hold the responses"):  # more are asked for by now
        score.main(spec_of(responses, **asked, problems_per_suite=5), tmp_path / "scores.csv")


def test_a_generator_that_draws_other_problems_is_another_copy(tmp_path, monkeypatch):
    responses = answered(tmp_path, "chain_arithmetic", "chain3", 4)
    environment = envs.load("chain_arithmetic")
    refuse_other_copies(responses, environment, ["chain3", "chain4"])
    monkeypatch.setattr(environment, "suite_problems", lambda *_: [envs.Problem("x", "x?", "1")])
    with pytest.raises(UserError, match=r"asked was chain3 \(generated, "):
        refuse_other_copies(responses, environment, ["chain3"])


def test_the_checksum_covers_ids_questions_and_golds():
    one = envs.Problem("a", "a?", "1")
    others = [envs.Problem("b", "a?", "1"), envs.Problem("a", "b?", "1"), envs.Problem("a", "a?", "2")]
    assert len({asked_sha256([problem]) for problem in (one, *others)}) == 4
    assert asked_sha256([one, one]) == asked_sha256([one])
