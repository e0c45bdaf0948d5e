"""The program that compares estimates with measured peaks."""

import runpy
import sys

import pytest

from programs.provenance import ROOT


def test_help_measures_nothing(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["measure", "--help"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(ROOT / "opd/plan/measure.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "memory estimates against measured peaks" in printed
    assert "| case |" not in printed
