"""Files of responses are read line by line; copies among them are refused, coincidences are not."""

import itertools
import math

import numpy as np
import pytest

from eval.responses import read_records, refuse_copies
from programs.errors import UserError


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


def table(columns: list[list[str]], **fields) -> list[dict]:
    """Records of samples (outer) by problems (inner)."""
    return [
        record(problem, sample, response, **fields)
        for sample, column in enumerate(columns)
        for problem, response in enumerate(column)
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": 1', "is no JSON"),
        ("", "is no JSON"),
        ("[1]", "is no JSON object"),
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path, line, message):
    path = tmp_path / "records.jsonl"
    path.write_text(f'{{"a": 1}}\n{line}\n{{"a": 2}}\n')
    with pytest.raises(UserError) as refused:
        read_records(path)
    assert str(refused.value) == f"{path}, line 2 {message}"
    path.write_text('{"a": 1}\n{"a": "b\u2028c"}')
    assert read_records(path) == [{"a": 1}, {"a": "b\u2028c"}]


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
