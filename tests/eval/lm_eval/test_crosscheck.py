"""The cross-check agrees where both paths do, counts what lm-eval cannot know, and fails otherwise."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

import envs
from eval import score
from eval.grading import Grade
from eval.lm_eval import crosscheck
from eval.spec import ProtocolSpec, ScoreSpec
from programs.provenance import ROOT
from workflows.plan import Plan

PROTOCOLS = [
    {"name": "greedy", "samples": 1, "sampling": {"temperature": 0, "top_p": 1, "max_new_tokens": 9}},
    {"name": "avg@4", "samples": 4, "sampling": {"temperature": 1, "top_p": 1, "max_new_tokens": 9}},
]
ENVIRONMENT = envs.load("chain_arithmetic")


def box(answer: object) -> str:
    return f"<think> so </think> \\boxed{{{answer}}}"


@pytest.fixture
def records() -> list[dict]:
    """Under avg@4 every problem has a right, a wrong and two truncated samples, one of which is boxed."""
    made = []
    for suite in ENVIRONMENT.suites:
        for problem in ENVIRONMENT.suite_problems(suite, 3):
            about = {"suite": suite, "problem": problem.id, "tokens": 9}
            right = {"finish_reason": "stop", "response": box(problem.answer)}
            samples = [
                right,
                {"finish_reason": "stop", "response": box(99)},
                {"finish_reason": "length", "response": box(problem.answer)},
                {"finish_reason": "length", "response": "<think> wait"},
            ]
            made.append({**about, "protocol": "greedy", "sample": 0, **right})
            made += [{**about, "protocol": "avg@4", "sample": j, **s} for j, s in enumerate(samples)]
    return made


@pytest.fixture
def spec(records, tmp_path) -> ScoreSpec:
    path = tmp_path / "responses.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return ScoreSpec(
        environment="chain_arithmetic",
        problems_per_suite=3,
        protocols=PROTOCOLS,
        subjects=[{"row": "student", "seed": 0, "responses": str(path)}],
    )


def test_both_paths_agree_and_truncation_is_counted(spec, tmp_path):
    crosscheck.main(spec, tmp_path / "checks")
    frame = pd.read_csv(tmp_path / "checks/lm_eval_crosscheck.csv")
    assert len(frame) == 2 * 5
    assert frame.agree.all()
    assert (frame.disagreements == 0).all()
    sampled, greedy = frame[frame.protocol == "avg@4"], frame[frame.protocol == "greedy"]
    assert (greedy[["problems", "samples", "truncated", "credited_at_cap"]] == [3, 3, 0, 0]).all(axis=None)
    assert (sampled[["problems", "samples", "truncated", "credited_at_cap"]] == [3, 12, 6, 3]).all(axis=None)
    assert (greedy[["avg_at_k", "avg_at_k_lm_eval", "maj_at_k", "maj_at_k_lm_eval"]] == 1).all(axis=None)
    # Cut responses neither count nor vote for us; lm-eval reads the box in one of them.
    assert (sampled[["avg_at_k", "avg_at_k_lm_eval"]] == [0.25, 0.5]).all(axis=None)
    assert (sampled[["maj_at_k", "maj_at_k_lm_eval"]] == [0.5, 1]).all(axis=None)
    page = (tmp_path / "checks/lm_eval_crosscheck.html").read_text()
    assert "75 stored responses" in page
    assert "0 disagreements" in page


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_suite_without_a_file_has_a_task_all_the_same(spec, protocol, monkeypatch, tmp_path):
    """Of a made-up suite as docs/suites.md adds it: there are tasks for the others only."""
    folder = tmp_path / "tasks"
    shutil.copytree(crosscheck.TASKS, folder)
    (folder / "opd_chain4.yaml").unlink()
    monkeypatch.setattr(crosscheck, "TASKS", folder)
    one = spec.model_copy(update={"protocols": (ProtocolSpec(**protocol),), "suites": ("chain3", "chain4")})
    task = crosscheck.load_tasks(one, one.protocols[0])["chain4"]
    assert (task.config.repeats, task.config.num_fewshot) == (protocol["samples"], 0)
    assert task.config.generation_kwargs["temperature"] == protocol["sampling"]["temperature"]
    records = [json.loads(line) for line in Path(spec.subjects[0].responses).read_text().splitlines()]
    stored = [r for r in records if r["protocol"] == protocol["name"]]
    asked = {suite: ENVIRONMENT.suite_problems(suite, 3) for suite in one.suites}
    tasks = crosscheck.load_tasks(one, one.protocols[0])
    known, made_up = crosscheck.replay(ENVIRONMENT, asked, stored, tasks)
    assert made_up == known | {"suite": "chain4"}
    assert made_up["agree"]


def test_our_aggregate_is_that_of_the_scores(spec, tmp_path):
    """The cross-check and the tables speak of the same numbers."""
    score.main(spec, tmp_path / "scores.csv")
    scores = pd.read_csv(tmp_path / "scores.csv")
    shares = (scores.correct / scores.samples).groupby([scores.suite, scores.protocol]).mean()
    for row in crosscheck.crosscheck(spec):
        assert row["avg_at_k"] == pytest.approx(shares[row["suite"], row["protocol"]])


def test_a_verdict_that_differs_fails_and_is_shown(spec, tmp_path, monkeypatch):
    honest = crosscheck.verdicts

    def first_is_wrong(*arguments):
        (_, grade), *rest = honest(*arguments)
        return [("wrong", Grade("wrong", "tampered with", grade.answer)), *rest]

    monkeypatch.setattr(crosscheck, "verdicts", first_is_wrong)
    with pytest.raises(SystemExit, match="differ"):
        crosscheck.main(spec, tmp_path / "checks")
    assert not (tmp_path / "checks").exists()
    rows = crosscheck.crosscheck(spec)
    assert [row["disagreements"] for row in rows] == [1] * len(rows)


def test_an_aggregate_that_differs_fails(spec, monkeypatch):
    honest = crosscheck.evaluate

    def rounded_up(*arguments, **options):
        results = honest(*arguments, **options)
        results["results"]["chain3"]["maj_at_k,graded"] += 0.01
        return results

    monkeypatch.setattr(crosscheck, "evaluate", rounded_up)
    rows = crosscheck.crosscheck(spec)
    assert {row["suite"] for row in rows if not row["agree"]} == {"chain3"}


def test_a_protocol_of_some_suites_is_replayed_on_those(spec, records, tmp_path):
    greedy, sampled = PROTOCOLS
    path = tmp_path / "some.jsonl"
    asked = [r for r in records if r["protocol"] == "greedy" or r["suite"] == "chain3"]
    path.write_text("".join(json.dumps(record) + "\n" for record in asked))
    given = spec.model_dump() | {"protocols": [greedy, sampled | {"suites": ["chain3"]}]}
    given["subjects"][0]["responses"] = str(path)
    rows = crosscheck.crosscheck(ScoreSpec(**given))
    assert [row["suite"] for row in rows if row["protocol"] == "avg@4"] == ["chain3"]
    assert all(row["agree"] for row in rows)
    assert len(rows) == 5 + 1


def test_missing_responses_are_refused(spec, records, tmp_path):
    path = tmp_path / "responses.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records[:-1]))
    with pytest.raises(ValueError, match="3 samples stored, 4 asked for"):
        crosscheck.crosscheck(spec)


@pytest.mark.parametrize("scale", ["smoke", "mini", "paper"])
def test_every_model_of_all_is_checked_once(scale):
    config = yaml.safe_load((ROOT / f"workflows/config/{scale}.yaml").read_text())
    plan = Plan(config)
    spec = plan.crosscheck_spec()
    studies = [name for name, study in plan.config.studies.items() if study.in_all]
    of_studies = {s.responses for study in studies for s in plan.score_spec(study).subjects}
    assert {subject.responses for subject in spec.subjects} == of_studies
    assert len(spec.subjects) == len(of_studies)
    assert len({(subject.row, subject.seed) for subject in spec.subjects}) == len(of_studies)
