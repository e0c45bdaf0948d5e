"""The responses file: nothing lost, nothing foreign taken over, copies refused."""

import itertools
import json
import math

import numpy as np
import pytest

from eval.responses import Journal, refuse_copies, request_of

BELONGS_TO = {"spec": {"run": "test"}, "model": "abc"}


def record(
    problem: int, sample: int, response: str = "text", log_prob: float = -3.0, temperature=1.0
) -> dict:
    return {
        "suite": "suite",
        "problem": str(problem),
        "protocol": "avg@4",
        "sample": sample,
        "temperature": temperature,
        "log_prob": log_prob,
        "response_sha256": response,
    }


RECORDS = [record(problem, sample) for problem in range(3) for sample in range(2)]
ORDER = [request_of(each) for each in RECORDS]


def test_the_file_is_in_the_order_of_the_requests(tmp_path):
    journal = Journal(tmp_path / "out.jsonl", BELONGS_TO)
    for each in RECORDS[::-1]:
        journal.add(each)
    assert not (tmp_path / "out.jsonl").exists()
    journal.finish(ORDER, {"made": "here"})
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == RECORDS
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
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == RECORDS


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


def test_a_missing_record_is_an_error(tmp_path):
    journal = Journal(tmp_path / "out.jsonl", BELONGS_TO)
    journal.add(RECORDS[0])
    with pytest.raises(KeyError):
        journal.finish(ORDER, {})
    assert not (tmp_path / "out.jsonl").exists()


def table(columns: list[list[str]], **fields) -> list[dict]:
    """Records of samples (outer) by problems (inner)."""
    return [
        record(problem, sample, response, **fields)
        for sample, column in enumerate(columns)
        for problem, response in enumerate(column)
    ]


def test_an_engine_that_ignores_its_seeds_is_refused():
    with pytest.raises(ValueError, match="samples 0 and 1 of 8 problems are copies"):
        refuse_copies(table([list("abcdefgh")] * 4))


def test_copies_among_distinct_samples_are_refused():
    """Two replicas with one seed that take turns: samples 0 and 2 are equal, 1 and 3 differ."""
    columns = [list("abcdefgh"), list("ijklmnop"), list("abcdefgh"), list("qrstuvwx")]
    with pytest.raises(ValueError, match="samples 0 and 2 of 8 problems are copies"):
        refuse_copies(table(columns)[::-1])


def test_one_differing_response_is_enough():
    refuse_copies(table([list("abcdefgh"), list("abcdefgx")]))


def test_equal_samples_of_a_sure_model_are_accepted():
    """Eight responses of probability 0.9 each: repeating them all has probability 0.43."""
    refuse_copies(table([list("abcdefgh")] * 4, log_prob=math.log(0.9)))


def test_greedy_responses_are_not_samples():
    refuse_copies(table([list("abcdefgh")] * 2, temperature=0.0))


def test_independent_samples_are_never_refused():
    """Models of every degree of certainty, drawn by simulation: coincidences happen, refusals do not."""
    rng, equal = np.random.default_rng(0), 0
    for concentration, problems in itertools.product([0.001, 0.01, 0.1, 1.0], [1, 3, 30]):
        for _ in range(50):
            models = rng.dirichlet([concentration] * 5, problems)
            drawn = [[rng.choice(5, p=model) for _ in range(4)] for model in models]
            refuse_copies(
                record(i, j, str(drawn[i][j]), float(np.log(models[i][drawn[i][j]])))
                for i in range(problems)
                for j in range(4)
            )
            equal += len({tuple(column) for column in zip(*drawn, strict=True)}) < 4
    assert equal > 100
