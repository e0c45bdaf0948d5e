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
from workflows import launcher

# Both nodes are this machine: the command that follows the five words of options, twice at a time.
SRUN = """#!/bin/bash
shift 5
"$@" & one=$!
"$@" & other=$!
wait $one && wait $other
"""

SLURM = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_CPUS_PER_TASK": "2"}


@pytest.mark.slow  # four processes load torch
def test_launchers_of_two_nodes_meet_and_train_what_one_process_does(folders, tmp_path):
    spec, teachers = distill_spec(steps=2), {"chain_arithmetic": folders[1]}
    (tmp_path / "srun").write_text(SRUN)
    (tmp_path / "srun").chmod(0o755)
    asked = f"--student {folders[0]} --teachers chain_arithmetic={folders[1]} --out {tmp_path / 'two'}"
    command = f"{launcher.of_training(1, 2, gpus=0)} opd.distill --spec '{spec.model_dump_json()}' {asked}"
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"} | SLURM,
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
    ("nodes", "flags"), [(1, "--nodes=1 --cpus-per-task=64"), (2, "--nodes=2 --ntasks=2 --cpus-per-task=32")]
)
def test_what_slurm_is_asked_for(tmp_path, nodes, flags):
    """One task on each node, with all GPUs that it takes there and eight cores for each."""
    submission = pytest.importorskip("snakemake_executor_plugin_slurm.submit_string")
    step = pytest.importorskip("snakemake_executor_plugin_slurm_jobstep")
    made = ("responses.jsonl", "games/valid_seen/episodes.jsonl")
    printed = snakemake(
        tmp_path,
        *(f"results/paper/runs/multitask/lsm/seed0/{file}" for file in made),
        "--dry-run",
        *("--profile", str(ROOT / "profiles/slurm"), *configfiles("paper")),
        *("--config", f"training_nodes={nodes}"),
    )
    lsm, *others = (resources_of(rule, printed) for rule in ("lsm", "generate", "play"))
    assert (lsm.gpu, lsm.nodes, lsm.mpi) == (8, nodes, "srun" if nodes > 1 else None)
    names = ("run_uuid", "slurm_logfile", "comment_str", "account", "partition", "workdir")
    for asked, wanted in [(lsm, flags), *((other, "--nodes=1 --cpus-per-task=8") for other in others)]:
        job = SimpleNamespace(resources=asked, threads=1)
        assert submission.get_submit_command(job, dict.fromkeys(names, "")).endswith(wanted)
        assert wanted.endswith(step.get_cpu_setting(job, gpu=True))  # of the step that the job starts


def resources_of(rule: str, printed: str) -> Asked:
    """What a dry run says of the one job of a rule."""
    (listed,) = re.findall(rf"^rule {rule}:.*?resources: (.*?)$", printed, re.M | re.S)
    found = dict(part.split("=", 1) for part in listed.split(", "))
    return Asked({name: int(value) if value.isdigit() else value for name, value in found.items()})
