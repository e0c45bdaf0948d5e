"""A run over several nodes: what SLURM is asked for, and that the launchers of all nodes meet."""

import json
import os
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from opd import distill
from programs.provenance import ROOT
from tests.opd.specs import distill_spec
from tests.workflows.command import configfiles, snakemake
from workflows.scale import CONFIG, plan, read

# Both nodes are this machine: the command that follows the four words of options, twice at a time.
SRUN = """#!/bin/bash
shift 4
"$@" & one=$!
"$@" & other=$!
wait $one && wait $other
"""


@pytest.mark.slow  # four processes load torch
def test_launchers_of_two_nodes_meet_and_train_what_one_process_does(folders, tmp_path):
    spec, teachers = distill_spec(steps=2), {"chain_arithmetic": folders[1]}
    (tmp_path / "srun").write_text(SRUN)
    (tmp_path / "srun").chmod(0o755)
    launcher = plan(read([CONFIG / "mini.yaml"]) | {"training_processes": 2, "training_nodes": 2}).launcher
    asked = f"--student {folders[0]} --teachers chain_arithmetic={folders[1]} --out {tmp_path / 'two'}"
    command = f"{launcher} -m opd.distill --spec '{spec.model_dump_json()}' {asked}"
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "4711"},
        cwd=ROOT,
        check=True,
        timeout=600,
    )
    distill.main(spec, folders[0], teachers, tmp_path / "one")
    alone, shared = (losses(tmp_path / name) for name in ("one", "two"))
    assert len(shared) == 2
    assert shared == pytest.approx(alone, rel=1e-4)
    assert (tmp_path / "two/run.json").exists()


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


class Asked(dict):
    """Resources as the plugin reads them."""

    __getattr__ = dict.get


@pytest.mark.parametrize(
    ("nodes", "flags"), [(1, "--nodes=1 --ntasks-per-gpu=1"), (2, "--nodes=2 --ntasks=2")]
)
def test_what_slurm_is_asked_for(tmp_path, nodes, flags):
    submission = pytest.importorskip("snakemake_executor_plugin_slurm.submit_string")
    printed = snakemake(
        tmp_path,
        *("results/paper/runs/single_task/lsm/seed0/run.json", "--dry-run"),
        *("--profile", str(ROOT / "profiles/slurm"), *configfiles("paper")),
        *("--config", f"training_nodes={nodes}"),
    )
    (listed,) = re.findall(r"^rule lsm:.*?resources: (.*?)$", printed, re.M | re.S)
    found = dict(part.split("=", 1) for part in listed.split(", "))
    asked = Asked({name: int(value) if value.isdigit() else value for name, value in found.items()})
    assert (asked.gpu, asked.nodes, asked.mpi) == (8, nodes, "srun" if nodes > 1 else None)
    names = ("run_uuid", "slurm_logfile", "comment_str", "account", "partition", "workdir")
    job = SimpleNamespace(resources=asked, threads=1)
    command = submission.get_submit_command(job, dict.fromkeys(names, ""))
    assert flags in command
    assert command.endswith("--cpus-per-task=4" if nodes > 1 else "--cpus-per-task=1")
