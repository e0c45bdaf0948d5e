"""The journal of a long job: nothing lost, nothing foreign taken over."""

import json
from functools import partial
from operator import itemgetter

import pytest

from programs import provenance
from programs.errors import UserError
from programs.journal import Journal as AnyJournal
from programs.journal import check_name
from tests.json_lines import read_lines

BELONGS_TO = {"spec": {"run": "test"}, "model": "abc"}
RECORDS = [{"name": f"{row}", "text": "a record of some length"} for row in range(6)]
ORDER = [each["name"] for each in RECORDS]
Journal = partial(AnyJournal, request_of=itemgetter("name"))


def test_a_job_says_what_it_replaces(tmp_path, capsys):
    """And keeps it until it ends: a job that fails costs nothing."""
    for text in ("first", "second"):
        journal = Journal(tmp_path / "out.jsonl", {"spec": text})
        journal.add({"name": "0", "text": text})
        if text == "second":
            assert read_lines(tmp_path / "out.jsonl") == [{"name": "0", "text": "first"}]
        journal.finish(["0"], {})
    assert capsys.readouterr().out.count("out.jsonl is of an earlier job, and is replaced when") == 1
    assert read_lines(tmp_path / "out.jsonl") == [{"name": "0", "text": "second"}]


def test_the_file_is_in_the_order_of_the_requests(tmp_path):
    journal = Journal(tmp_path / "out.jsonl", BELONGS_TO)
    for each in RECORDS[::-1]:
        journal.add(each)
    assert not (tmp_path / "out.jsonl").exists()
    journal.finish(ORDER, {"made": "here"})
    assert read_lines(tmp_path / "out.jsonl") == RECORDS
    assert json.loads((tmp_path / "out.json").read_text()) == {"made": "here"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "out.jsonl"]


@pytest.mark.parametrize("torn", range(1, 30, 7))
def test_a_line_cut_off_in_the_middle_is_dropped(tmp_path, capsys, torn):
    journal = Journal(tmp_path / "out.jsonl", BELONGS_TO)
    for each in RECORDS[:4]:
        journal.add(each)
    partial = tmp_path / "out.partial"
    partial.write_bytes(partial.read_bytes()[:-torn])
    again = Journal(tmp_path / "out.jsonl", BELONGS_TO)
    assert list(again.records.values()) == RECORDS[:3]
    assert "resuming after 3 responses" in capsys.readouterr().out
    for each in RECORDS[3:]:
        again.add(each)
    again.finish(ORDER, {})
    assert read_lines(tmp_path / "out.jsonl") == RECORDS


@pytest.mark.parametrize("before", [b"", b'{"spec": {"run"', None])
def test_a_job_killed_before_its_first_record_starts_anew(tmp_path, before):
    if before is not None:
        (tmp_path / "out.partial").write_bytes(before)
    assert Journal(tmp_path / "out.jsonl", BELONGS_TO).records == {}
    assert Journal(tmp_path / "out.jsonl", BELONGS_TO).records == {}


def test_records_of_another_model_are_not_taken_over(tmp_path, capsys):
    Journal(tmp_path / "out.jsonl", BELONGS_TO).add(RECORDS[0])
    journal = Journal(tmp_path / "out.jsonl", BELONGS_TO | {"model": "def"})
    assert journal.records == {}
    assert "starting over" in capsys.readouterr().out


def session(out, monkeypatch, source: str, *records: dict, whole: bool = False) -> None:
    """A session of a job, by code with that hash; `whole`: it ends the job."""
    monkeypatch.setattr(provenance, "code", lambda: {"source_sha256": source})
    journal = Journal(out, BELONGS_TO)
    for each in records:
        journal.add(each)
    if whole:
        journal.finish(ORDER, {"source_sha256": source})


def test_the_manifest_names_the_code_of_all_sessions(tmp_path, monkeypatch):
    out = tmp_path / "out.jsonl"
    session(out, monkeypatch, "without a record")
    session(out, monkeypatch, "first", RECORDS[0])
    session(out, monkeypatch, "second", RECORDS[1])
    session(out, monkeypatch, "first", RECORDS[2])
    session(out, monkeypatch, "last", *RECORDS[3:], whole=True)
    stated = {"source_sha256": "last", "resumed_from_source_sha256": ["first", "second"]}
    assert json.loads((tmp_path / "out.json").read_text()) == stated
    assert read_lines(out) == RECORDS


def test_sessions_of_the_same_code_are_one(tmp_path, monkeypatch):
    out = tmp_path / "out.jsonl"
    session(out, monkeypatch, "only", RECORDS[0])
    session(out, monkeypatch, "only", *RECORDS[1:], whole=True)
    assert json.loads((tmp_path / "out.json").read_text()) == {"source_sha256": "only"}


def test_a_job_whose_earlier_session_did_not_state_its_code_goes_on(tmp_path, monkeypatch, capsys):
    lines = [json.dumps(each) + "\n" for each in (BELONGS_TO, RECORDS[0])]
    (tmp_path / "out.partial").write_text("".join(lines))
    session(tmp_path / "out.jsonl", monkeypatch, "last", *RECORDS[1:], whole=True)
    assert "resuming after 1 responses" in capsys.readouterr().out


def test_a_missing_record_is_an_error(tmp_path):
    journal = Journal(tmp_path / "out.jsonl", BELONGS_TO)
    journal.add(RECORDS[0])
    with pytest.raises(KeyError):
        journal.finish(ORDER, {})
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("name", ["qwen2.5-7b", "r.json", "r.jsonl.partial", ".jsonl"])
def test_a_file_that_could_share_those_beside_it_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=r"write --out .*\.jsonl"):
        check_name(tmp_path / name)


def test_names_with_dots_have_files_of_their_own(tmp_path):
    for name in ("qwen2.5-7b", "qwen2.5-14b"):
        out = tmp_path / f"{name}.jsonl"
        check_name(out)
        journal = Journal(out, BELONGS_TO)
        journal.add(RECORDS[0])
        journal.finish(ORDER[:1], {})
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"qwen2.5-{size}.{suffix}" for size in ("7b", "14b") for suffix in ("jsonl", "json")}
