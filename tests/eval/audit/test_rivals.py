"""Other graders on the same pairs: what they are known for, and the table."""

import json
import sys

import pytest

from eval.audit import rivals
from tests.json_lines import read_lines

ROWS = [
    {"id": 1, "gold": "5", "pred": "5", "kind": "answer", "equal": True},
    {"id": 2, "gold": r"\frac12", "pred": r"\dfrac{1}{2}", "kind": "answer", "equal": True},
    {"id": 3, "gold": "4.5e33", "pred": r"4.5 \times 10^{33}", "kind": "answer", "equal": True},
    {"id": 4, "gold": "17", "pred": "> 17", "kind": "answer", "equal": False},
    {
        "id": 5,
        "gold": "15",
        "pred": r"15 \text{ cm}",
        "kind": "answer",
        "equal": True,
        "policy": "units-drop",
    },
    {"id": 6, "gold": "5", "pred": r"\boxed{5}", "kind": "response", "equal": True},
]


@pytest.mark.parametrize(
    ("rival", "accepted"),
    [
        (rivals.text_equality, [True, False, False, False, False]),
        (rivals.hendrycks, [True, True, False, False, True]),
        (rivals.math_verify, [True, True, False, True, True]),
    ],
)
def test_what_each_rival_accepts(rival, accepted):
    assert [rival(row["gold"], row["pred"]) for row in ROWS[:5]] == accepted


def test_a_rival_that_hangs_or_fails_accepts_nothing(monkeypatch):
    monkeypatch.setattr(rivals, "_SECONDS", 1.0)
    assert rivals.decide(_fails, ROWS[:1])[0][0] is False
    assert rivals.decide(_hangs, ROWS[:1]) == [(False, 1.0)]


def test_a_rival_that_is_not_installed_is_an_error():
    with pytest.raises(ModuleNotFoundError, match="no_such_grader"):
        rivals.decide(_is_missing, ROWS[:1])


def test_the_command_counts_errors_and_writes_differences(tmp_path, monkeypatch, capsys):
    cases = tmp_path / "cases.jsonl"
    cases.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    monkeypatch.setattr(sys, "argv", ["rivals", str(cases), "--differences", str(tmp_path / "out.jsonl")])
    rivals.main()
    printed = {line.split("|")[1].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert "0 of 1          | 0 of 3" in printed["ours"]
    assert "0 of 1          | 2 of 3" in printed["text equality"]
    assert "1 of 1          | 1 of 3" in printed["math-verify"]
    different = read_lines(tmp_path / "out.jsonl")
    assert [row["id"] for row in different] == [2, 3, 4, 5]
    assert different[2]["accepts"]["math-verify"] is True
    assert different[2]["accepts"]["ours"] is False


def _fails(gold, answer):
    raise ValueError


def _hangs(gold, answer):
    while True:
        pass


def _is_missing(gold, answer):
    import no_such_grader

    return no_such_grader.accepts(gold, answer)
