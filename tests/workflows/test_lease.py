"""No two jobs have one GPU at a time: real processes, with devices that are names alone."""

import json
import os
import subprocess
import sys

import pytest

from opd.plan import devices
from programs.provenance import ROOT
from workflows import lease

NAMES = {name: name for name in ("0", "1", "GPU-5c")}
JOB = """
import json, os, sys, time
devices, started = os.environ["CUDA_VISIBLE_DEVICES"].split(","), time.monotonic()
time.sleep(0.3)
print(json.dumps([devices, started, time.monotonic()]))
"""


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Three devices, and lock files of this test's own."""
    monkeypatch.setattr(lease.tempfile, "tempdir", str(tmp_path))
    return os.environ | {"CUDA_VISIBLE_DEVICES": "0,1,GPU-5c", "TMPDIR": str(tmp_path)}


def start(gpus: int, command: list[str], environment: dict) -> subprocess.Popen:
    program = [sys.executable, "-m", "workflows.lease", "--gpus", str(gpus), "--", *command]
    return subprocess.Popen(
        program, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_no_two_jobs_share_a_device(environment):
    jobs = [start(gpus, [sys.executable, "-c", JOB], environment) for gpus in (2, 1, 1, 2, 1)]
    done = [json.loads(job.communicate(timeout=60)[0]) for job in jobs]
    assert sorted(len(held) for held, _, _ in done) == [1, 1, 1, 2, 2]
    for number, (held, started, ended) in enumerate(done):
        assert set(held) <= {"0", "1", "GPU-5c"}
        for others, since, until in done[:number]:
            if set(held) & set(others):
                assert ended <= since or until <= started


def test_a_killed_job_gives_its_devices_back(environment):
    held = "import time; print('held', flush=True); time.sleep(60)"
    job = start(3, [sys.executable, "-c", held], environment)
    assert job.stdout.readline() == "held\n"
    assert lease._try(1, NAMES) == []
    job.kill()
    job.communicate()
    assert lease.wait_for(3, NAMES, pause_s=0.01) == ["0", "1", "GPU-5c"]


def test_jobs_that_call_two_gpus_by_one_number_run_at_once(environment, monkeypatch):
    def job(uuid):  # of a cluster that shows it one GPU
        monkeypatch.setattr(devices, "listed", lambda: {"0": devices.Card(uuid, "H100", 80.0)})
        return lease._try(1, lease.usable())

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert [job("GPU-aa"), job("GPU-bb"), job("GPU-aa")] == [["0"], ["0"], []]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-cc, GPU-aa")
    monkeypatch.setattr(devices, "listed", dict)
    assert lease.usable() == {"MIG-cc": "MIG-cc", "GPU-aa": "GPU-aa"}
    assert lease._try(1, lease.usable()) == ["MIG-cc"]


def test_more_devices_than_there_are_is_an_error_at_once(environment):
    job = start(4, ["true"], environment)
    assert "asks for 4 GPU(s), and this machine has 3" in job.communicate(timeout=60)[1]
    assert job.returncode == 1


def test_a_job_without_gpus_sees_none(environment):
    seen = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'] or 'none')"
    job = start(0, [sys.executable, "-c", seen], environment)
    assert job.communicate(timeout=60)[0].strip() == "none"


def test_a_failure_is_the_command_s_own(environment):
    job = start(1, ["sh", "-c", "exit 7"], environment)
    job.communicate(timeout=60)
    assert job.returncode == 7


@pytest.mark.parametrize(("gpus", "threads"), [(0, ["7", "1"]), (1, ["7", "1"]), (3, ["2", "1"])])
def test_the_processes_of_a_job_share_its_threads(environment, gpus, threads):
    seen = "import json, os; print(json.dumps([os.environ[n + '_NUM_THREADS'] for n in ('OMP', 'MKL')]))"
    given = environment | {"OMP_NUM_THREADS": "7", "MKL_NUM_THREADS": "1"}
    job = start(gpus, [sys.executable, "-c", seen], given)
    assert json.loads(job.communicate(timeout=60)[0]) == threads


def test_threads_of_each_level_are_shared(environment):
    seen = "import os; print(os.environ['OMP_NUM_THREADS'])"
    job = start(2, [sys.executable, "-c", seen], environment | {"OMP_NUM_THREADS": "8,2,1"})
    assert job.communicate(timeout=60)[0].strip() == "4,1,1"


@pytest.mark.parametrize(("gpus", "command"), [(-1, ["true"]), (0, [])])
def test_a_lease_is_of_devices_and_for_a_command(environment, gpus, command):
    job = start(gpus, command, environment)
    job.communicate(timeout=60)
    assert job.returncode == 2


@pytest.mark.parametrize(("nodes", "told"), [("1", "no"), ("2", "node7")])
def test_a_node_of_several_is_known_to_the_others_by_slurms_name(environment, nodes, told):
    seen = "import os; print(os.environ.get('PET_LOCAL_ADDR', 'no'))"
    slurm = {"SLURM_JOB_NUM_NODES": nodes, "SLURMD_NODENAME": "node7"}
    job = start(0, [sys.executable, "-c", seen], environment | slurm)
    assert job.communicate(timeout=60)[0].strip() == told
