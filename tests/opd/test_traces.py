"""Traces: what the teacher says to the student's prompts, kept when a job is killed."""

import copy
import json

import pytest
import torch
from transformers import GenerationConfig

import envs
from envs.tokenizer import build_tokenizer
from opd import models, traces
from opd.rollout import torch_engine
from opd.rollout.torch_engine import respond
from opd.spec import ArchitectureSpec, TracesSpec
from programs.errors import UserError
from tests.json_lines import read_lines
from tests.opd.doctored import save_favouring

SPEC = TracesSpec(
    environment="chain_arithmetic",
    seed=3,
    traces=12,
    sampling={"temperature": 0.9, "top_p": 1.0, "max_new_tokens": 12},
)


@pytest.fixture(scope="module")
def pair(folders, tokenizer, teacher, tmp_path_factory):
    """(student, teacher) folders; the teacher ends its turns with another token, but likes the student's."""
    folder = tmp_path_factory.mktemp("teacher")
    save_favouring(teacher, tokenizer.eos_token_id, 12, build_tokenizer("<|endoftext|>"), folder)
    return folders[0], folder


@pytest.fixture(scope="module")
def whole(pair, tmp_path_factory):
    """The traces of a job that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "traces.jsonl"
    traces.main(SPEC, *pair, out)
    return out


def test_the_teacher_answers_the_student_s_prompts(pair, tokenizer, whole):
    """Each problem of a place in the training stream of its own, from a random stream of its own."""
    problems = envs.load("chain_arithmetic").training_problems(3, -1, 12)
    questions, keys = [problem.question for problem in problems], [f"sft/3/{row}" for row in range(12)]
    expected = respond(models.load(pair[1]), tokenizer, questions, keys, SPEC.sampling)
    records = read_lines(whole)
    assert [record["trace"] for record in records] == list(range(12))
    assert [record["problem"] for record in records] == [problem.id for problem in problems]
    assert [(r["prompt"], r["response"]) for r in records] == [(e.prompt, e.tokens) for e in expected]
    finished = ["stop" if each.finished else "length" for each in expected]
    assert [record["finish_reason"] for record in records] == finished
    assert set(finished) == {"stop", "length"}


@pytest.fixture
def other_end(tokenizer, teacher, tmp_path):
    """A teacher whose turns end with a token that does not end the student's, and which likes that one."""
    own = build_tokenizer("<|endoftext|>")
    save_favouring(teacher, own.eos_token_id, 12, own, tmp_path)
    GenerationConfig(eos_token_id=own.eos_token_id).save_pretrained(tmp_path)
    return tmp_path


def test_a_trace_ends_as_the_student_s_responses_do(folders, other_end, tokenizer, tmp_path):
    """The teacher's end token would teach the student to go on where its own turn ends."""
    traces.main(SPEC, folders[0], other_end, tmp_path / "traces.jsonl")
    problems = envs.load("chain_arithmetic").training_problems(3, -1, 12)
    questions, keys = [problem.question for problem in problems], [f"sft/3/{row}" for row in range(12)]
    said = respond(models.load(other_end), tokenizer, questions, keys, SPEC.sampling)
    own_end = build_tokenizer("<|endoftext|>").eos_token_id
    assert {each.tokens[-1] for each in said if each.finished} == {own_end}
    records = read_lines(tmp_path / "traces.jsonl")
    end = tokenizer.eos_token_id
    expected = [[*each.tokens[:-1], end] if each.finished else each.tokens for each in said]
    assert [record["response"] for record in records] == expected
    texts = tokenizer.batch_decode(expected, skip_special_tokens=True)
    assert texts == tokenizer.batch_decode([each.tokens for each in said], skip_special_tokens=True)


def test_a_student_without_an_end_token_has_no_traces(folders, student, tokenizer, tmp_path):
    """The teacher's generation_config ends the responses, but nothing could stand for that end."""
    endless = copy.deepcopy(tokenizer)
    endless.eos_token = None
    models.save(student, endless, tmp_path / "student")
    with pytest.raises(UserError, match="student names no end token; add eos_token to tok"):
        traces.main(SPEC, tmp_path / "student", folders[1], tmp_path / "traces.jsonl")


def test_a_record_says_whether_the_answer_is_right(pair, tokenizer, whole, tmp_path, monkeypatch):
    assert not any(record["correct"] for record in read_lines(whole))  # a random teacher
    asked = []

    def verified(responses, problems, *_):
        asked.extend(zip(responses, problems, strict=True))
        return [row % 2 == 0 for row in range(len(problems))]

    monkeypatch.setattr(traces, "verified", verified)
    traces.main(SPEC, *pair, tmp_path / "traces.jsonl")
    for record, (response, problem) in zip(read_lines(tmp_path / "traces.jsonl"), asked, strict=True):
        assert record["correct"] == (record["trace"] % 2 == 0)
        assert (record["response"], record["problem"]) == (response.tokens, problem.id)
        assert response.finished == (record["finish_reason"] == "stop")


def test_the_manifest_says_how_they_were_made(pair, whole):
    manifest = json.loads(whole.with_suffix(".json").read_text())
    assert manifest["teacher"] == models.fingerprint(pair[1])
    assert manifest["folder"] == str(pair[1])
    assert TracesSpec.model_validate(manifest["spec"]) == SPEC
    assert manifest["engine"] == f"torch {torch.__version__}"
    environment = envs.load("chain_arithmetic")
    assert manifest["data"] == environment.describe(environment.training_set)


def test_a_killed_job_asks_only_for_what_is_missing(pair, whole, tmp_path, monkeypatch):
    out, calls = tmp_path / "traces.jsonl", []
    monkeypatch.setattr(traces, "TRACES_TOGETHER", 4)
    with monkeypatch.context() as stopped:
        stopped.setattr(traces.Journal, "finish", lambda *_: None)
        traces.main(SPEC, *pair, out)
    partial = tmp_path / "traces.partial"
    lines = partial.read_text().splitlines(keepends=True)
    partial.write_text("".join(lines[:7]) + lines[7][:9])
    monkeypatch.setattr(torch_engine, "respond", lambda *given: calls.append(given[3]) or respond(*given))
    traces.main(SPEC, *pair, out)
    assert calls == [[f"sft/3/{row}" for row in rows] for rows in (range(4, 8), range(8, 12))]
    assert out.read_bytes() == whole.read_bytes()


def test_vllm_gives_the_same_traces(tokenizer, tmp_path):
    pytest.importorskip("vllm")
    wide = ArchitectureSpec(hidden_size=64, intermediate_size=64, layers=1, heads=2)
    for seed, name in enumerate(("student", "teacher")):
        models.save(models.build(wide, tokenizer, seed), tokenizer, tmp_path / name)
    greedy = SPEC.sampling.model_copy(update={"temperature": 0})
    for name in ("torch", "vllm"):
        spec = SPEC.model_copy(update={"engine": name, "sampling": greedy})
        traces.main(spec, tmp_path / "student", tmp_path / "teacher", tmp_path / f"{name}.jsonl")
    assert (tmp_path / "vllm.jsonl").read_bytes() == (tmp_path / "torch.jsonl").read_bytes()
