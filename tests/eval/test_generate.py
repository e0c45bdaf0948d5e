"""The program as users run it: by hand, killed and resumed, on folders with and without a template."""

import json
import signal
import subprocess
import sys
import time

import pytest
from pydantic import ValidationError

import envs
from eval import generate
from eval.generate import arguments, sha256
from eval.spec import GenerateSpec
from opd import models
from opd.rollout import torch_engine
from opd.rollout.torch_engine import TorchEngine
from programs.errors import UserError
from tests.json_lines import read_lines

SAMPLING = {"temperature": 1, "top_p": 0.95, "max_new_tokens": 40}
SPEC = GenerateSpec(
    environment="chain_arithmetic",
    problems_per_suite=16,
    protocols=[
        {"name": "greedy", "samples": 1, "sampling": {**SAMPLING, "temperature": 0, "top_p": 1}},
        {"name": "avg@4", "samples": 4, "sampling": SAMPLING},
    ],
    batch_size=8,
)


def questions(spec) -> list[generate.Question]:
    return generate.questions(spec, envs.load(spec.environment))


def changed(**fields) -> GenerateSpec:
    return SPEC.model_copy(update=fields)


def sampled(samples: int) -> tuple:
    return (SPEC.protocols[1].model_copy(update={"samples": samples}),)


@pytest.fixture(scope="module")
def whole(folders, tmp_path_factory):
    """The responses of a job that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "responses.jsonl"
    generate.main(SPEC, folders[0], out)
    return out


@pytest.mark.parametrize("stored", [37, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 200))])
def test_killed_job_continues_to_the_same_bytes(folders, whole, tmp_path, stored):
    out = tmp_path / "responses.jsonl"
    partial = tmp_path / "responses.partial"
    arguments = ["--spec", SPEC.model_dump_json(), "--model", str(folders[0]), "--out", str(out)]
    command = [sys.executable, "-m", "eval.generate", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not partial.exists() or partial.read_bytes().count(b"\n") < 1 + stored:
        assert process.poll() is None, "the job ended before it could be killed"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    left = partial.read_bytes().count(b"\n") - 1
    assert stored <= left < 400
    with partial.open("ab") as file:
        file.write(b'{"suite": "chain2", "prob')  # as a kill in the middle of a write leaves it

    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"resuming after {left} responses" in again.stdout
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["responses.json", "responses.jsonl"]


@pytest.mark.parametrize(("batch_size", "batches"), [(8, [8]), (1, [1, 1])])
def test_only_what_is_missing_is_asked_again(folders, whole, tmp_path, monkeypatch, batch_size, batches):
    """All responses but the last two are there: these are decoded, the responses are the same."""
    out, calls = tmp_path / "responses.jsonl", []
    with monkeypatch.context() as stopped:
        stopped.setattr(generate.Journal, "finish", lambda *_: None)
        generate.main(SPEC, folders[0], out)
    partial = tmp_path / "responses.partial"
    partial.write_text("".join(partial.read_text().splitlines(keepends=True)[:-2]))

    respond = torch_engine.respond
    monkeypatch.setattr(
        torch_engine, "respond", lambda *given: calls.append(len(given[2])) or respond(*given)
    )
    generate.main(changed(batch_size=batch_size), folders[0], out)
    assert calls == batches
    again, before = read_lines(out), read_lines(whole)
    assert [r.pop("log_prob") for r in again] == pytest.approx([r.pop("log_prob") for r in before])
    assert again == before


def test_records_say_how_they_were_made(folders, whole):
    tokenizer = models.load_tokenizer(folders[0])
    problems = {(q.suite, q.problem.id): q.problem for q in questions(SPEC)}
    for record in read_lines(whole):
        greedy = record["protocol"] == "greedy"
        assert (record["engine"], record["run"], record["max_new_tokens"]) == ("torch", "evaluation", 40)
        assert (record["temperature"], record["top_p"]) == ((0, 1) if greedy else (1, 0.95))
        assert (record["log_prob"] == 0) is greedy
        question = problems[record["suite"], record["problem"]].question
        assert record["prompt_sha256"] == sha256(models.prompt_ids(tokenizer, question))
    manifest = json.loads(whole.with_suffix(".json").read_text())
    assert manifest["model"] == models.fingerprint(folders[0])
    assert GenerateSpec(**manifest["spec"]) == SPEC
    assert manifest["suites"].keys() == {"chain2", "chain3", "chain4", "chain5", "chain6"}
    assert all(suite["asked"] == 16 for suite in manifest["suites"].values())
    assert all(suite["status"] == "generated" for suite in manifest["suites"].values())


def test_a_prompt_is_asked_around_the_questions(folders, whole, tmp_path):
    """The same problems with the same streams; only what is asked differs, and the manifest says how."""
    spec = changed(prompt="hint {answer} ; {question}", suites=("chain2",), problems_per_suite=2)
    generate.main(spec, folders[0], tmp_path / "out.jsonl")
    tokenizer = models.load_tokenizer(folders[0])
    problems = {question.problem.id: question.problem for question in questions(spec)}
    before = {(r["protocol"], r["problem"], r["sample"]): r for r in read_lines(whole)}
    for record in read_lines(tmp_path / "out.jsonl"):
        problem = problems[record["problem"]]
        asked = models.prompt_ids(tokenizer, f"hint {problem.answer} ; {problem.question}")
        assert record["prompt_sha256"] == sha256(asked)
        assert record["seed"] == before[record["protocol"], record["problem"], record["sample"]]["seed"]
    manifest = json.loads((tmp_path / "out.json").read_text())
    assert manifest["spec"]["prompt"] == spec.prompt


def test_streams_are_named_by_run_suite_problem_and_sample(folders, whole, tmp_path):
    """Another run asks with other luck; greedy responses stay as they are."""
    first = next(iter(questions(SPEC)))
    assert first.key("evaluation") == f"evaluation/chain2/{first.problem.id}/0"
    spec = changed(run="again", suites=("chain4",), problems_per_suite=4)
    generate.main(spec, folders[0], tmp_path / "again.jsonl")
    of_suite = {
        (r["protocol"], r["problem"], r["sample"]): r for r in read_lines(whole) if r["suite"] == "chain4"
    }
    for record in read_lines(tmp_path / "again.jsonl"):
        before = of_suite[record["protocol"], record["problem"], record["sample"]]
        same = record["response_sha256"] == before["response_sha256"]
        assert same is (record["protocol"] == "greedy")
        assert record["seed"] != before["seed"]


def test_token_ids_are_stored_on_request(folders, tmp_path):
    spec = changed(token_ids=True, problems_per_suite=1, suites=("chain2",))
    generate.main(spec, folders[0], tmp_path / "out.jsonl")
    tokenizer = models.load_tokenizer(folders[0])
    for record in read_lines(tmp_path / "out.jsonl"):
        assert len(record["token_ids"]) == record["tokens"]
        assert sha256(record["token_ids"]) == record["response_sha256"]
        assert tokenizer.decode(record["token_ids"], skip_special_tokens=True) == record["response"]


def test_the_folder_of_the_responses_is_made(folders, tmp_path):
    out = tmp_path / "not" / "there" / "out.jsonl"
    generate.main(changed(problems_per_suite=1, protocols=sampled(1)), folders[0], out)
    assert len(read_lines(out)) == len(envs.load("chain_arithmetic").suites)


def test_an_engine_that_ignores_seeds_is_refused(folders, tmp_path, monkeypatch):
    """As an API backend that sends one seed with every request: sample j repeats sample 0."""
    stream = TorchEngine.stream

    def one_seed(self, questions, keys, sampling, done):
        return stream(self, questions, [f"{key.rpartition('/')[0]}/0" for key in keys], sampling, done)

    monkeypatch.setattr(TorchEngine, "stream", one_seed)
    with pytest.raises(ValueError, match="samples 0 and 1 of 16 problems are copies"):
        generate.main(changed(protocols=sampled(2)), folders[0], tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_repeated_names_are_refused():
    with pytest.raises(ValueError, match="share a name"):
        questions(changed(suites=("chain2", "chain2")))
    with pytest.raises(ValueError, match="share a name"):
        questions(changed(protocols=sampled(1) * 2))


def test_a_protocol_may_ask_some_suites_alone():
    greedy, sampled = SPEC.protocols
    asked = questions(changed(protocols=(greedy, sampled.model_copy(update={"suites": ("chain3",)}))))
    assert len(asked) == 5 * 16 + 4 * 16
    assert {question.suite for question in asked if question.protocol.name == "avg@4"} == {"chain3"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"environment": "sudoku"}, "Input should be 'chain_arithmetic', 'math' or 'math_plain'"),
        ({"suites": ["chain3", "chain2", "chain3"]}, "chain3 stands twice; write it once"),
        (
            {"protocols": [protocol.model_dump() for protocol in sampled(1) * 2]},
            "avg@4 stands twice",
        ),
        ({"suites": ["chain2"]}, "protocol 'avg@4' names chain3; the suites are chain2"),
    ],
)
def test_names_that_do_not_exist_are_explained(change, message):
    spec = SPEC.model_dump()
    spec["protocols"][1]["suites"] = ["chain3"]
    assert GenerateSpec(**spec)
    with pytest.raises(ValidationError, match=message):
        GenerateSpec(**spec | change)


def test_by_hand_and_by_spec_ask_the_same():
    paths = ["--model", "folder", "--out", "file"]
    options = "--suite chain3 --suite chain2 --samples 4 --temperature 0.7 --max-new-tokens 9 --limit 5"
    spec, *_ = arguments([*paths, *options.split()])
    assert [(q.suite, q.sample) for q in questions(spec)][:20:5] == [
        ("chain3", 0),
        ("chain3", 1),
        ("chain3", 2),
        ("chain3", 3),
    ]
    assert len(questions(spec)) == 2 * 5 * 4
    assert spec.protocols[0].name == "avg@4"
    assert spec.protocols[0].sampling.model_dump() == {"temperature": 0.7, "top_p": 1.0, "max_new_tokens": 9}
    assert arguments([*paths, "--spec", spec.model_dump_json()])[0] == spec
    greedy, *_ = arguments([*paths, "--suite", "math500", "--temperature", "0"])
    assert (greedy.environment, greedy.protocols[0].name, greedy.problems_per_suite) == (
        "math",
        "greedy",
        None,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "name suites of one environment"),
        ("--suite chain2 --suite math500", "name suites of one environment"),
        ("--suite chain9", "unknown suite 'chain9'"),
        ("--suite chain2 --samples 4 --temperature 0", "greedy samples are copies"),
        ("--suite chain2 --limit 304", "chain2 has 303 distinct problems, not 304"),
        ("--suite chain2", "chain2 is generated; write how many problems"),
        ("--suite chain2 --samples 0", "samples: Input should be greater"),
        ("--suite chain2 --spec {}", "Field required"),
        (f"--suite chain2 --spec {SPEC.model_dump_json()}", "leave out the options"),
    ],
)
def test_impossible_wishes_are_refused_before_anything_is_loaded(options, message, capsys):
    with pytest.raises(SystemExit):
        arguments(["--model", "nowhere", "--out", "file", *options.split()])
    assert message in " ".join(capsys.readouterr().err.split())


def test_another_name_for_the_responses_is_refused_before_a_model_is_loaded(tmp_path):
    with pytest.raises(UserError, match=r"write --out .*qwen2\.5-7b\.jsonl"):
        generate.main(SPEC, tmp_path / "no model", tmp_path / "qwen2.5-7b")


def test_strict_refuses_an_unverified_suite_before_a_model_is_loaded(tmp_path, monkeypatch):
    rows = [{"id": n, "problem": f"What is {n}?", "answer": str(n)} for n in range(30)]
    (tmp_path / "aime24.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("OPD_MATH_DATA", str(tmp_path))
    spec = changed(environment="math", suites=("aime24",), strict=True)
    with pytest.raises(ValueError, match=r"unverified, and --strict was asked for: aime24"):
        generate.main(spec, tmp_path / "no model", tmp_path / "out.jsonl")
