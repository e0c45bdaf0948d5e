"""The benchmark of the decoders runs on a model folder and compares both."""

import re

import pytest

from opd.rollout import benchmark


def test_both_decoders_are_measured(folders, capsys):
    student, _ = folders
    benchmark.main(student, responses=2, rounds=1)
    printed = capsys.readouterr().out
    rows = re.findall(r"^\| *(.*?) *\| *([\d.]+) *\| *([\d.]+) *\|$", printed, re.M)
    assert [name for name, _, _ in rows] == ["transformers, static cache", "fused"]
    (rate, ratio), (other, faster) = ((float(rate), float(ratio)) for _, rate, ratio in rows)
    assert min(rate, other) > 0
    assert ratio == 1
    assert faster == pytest.approx(other / rate, abs=0.1)
