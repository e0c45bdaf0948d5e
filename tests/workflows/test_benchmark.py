"""Scales that can be timed, and stage times from Snakemake's benchmark files."""

import subprocess
import sys

from programs.provenance import ROOT
from workflows.benchmark import stages


def test_stages_are_summed_by_their_first_folder(tmp_path):
    for name, seconds in {"distill/lsm/seed0": 4.0, "distill/lsm/seed1": 6.0, "table/one": 1.0}.items():
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\n{seconds}\t0:00:0{int(seconds)}\n")
    table = stages(tmp_path)
    assert table.index.tolist() == ["distill", "table"]
    assert table.loc["distill"].tolist() == [2, 10, 5, 6]


def test_every_scale_can_be_timed_and_no_overlay():
    command = [sys.executable, "-m", "workflows.benchmark", "--help"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "--scale {mini,paper,small,smoke}" in printed
