"""How a rank ends. What ranks tell each other is tested with what they share: `test_training` and others."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import torch

from programs.provenance import ROOT
from tests.opd.parallel.processes import on_ranks
from tests.processes import wait_until_ended

# Gloo's thread still holds the tensor when the program ends, and Python lets it have the GIL no more.
LAST_WORD = """
import sys
import torch
from opd.parallel import ranks

ranks.join(alone=True)
sys.setswitchinterval(1000)
torch.distributed.all_reduce(torch.ones(1000), async_op=True)
"""


def test_a_group_that_is_still_at_work_does_not_end_the_program_badly():
    ended = subprocess.run([sys.executable, "-c", LAST_WORD], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def launch(file: Path, program: str, processes: int) -> subprocess.Popen[str]:
    file.write_text(program)
    return subprocess.Popen(
        ["torchrun", "--standalone", "--nproc-per-node", str(processes), file],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


WAITS = """
import os, time
from opd.parallel import ranks

ranks.join()
print(os.getpid(), flush=True)
time.sleep(600)
"""


def test_a_rank_ends_with_its_launcher(tmp_path):
    launcher = launch(tmp_path / "waits.py", WAITS, 1)
    assert launcher.stdout is not None
    rank = int(launcher.stdout.readline())
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    wait_until_ended(rank)


FAILS = """
import atexit, time
from opd.parallel import ranks

ranks.join()
if ranks.first():
    ranks.wait()
atexit.register(time.sleep, 600)  # as an exit that waits for a device
raise ValueError("no room")
"""


def test_a_rank_that_fails_ends_at_once_and_the_others_with_it(tmp_path):
    launcher = launch(tmp_path / "fails.py", FAILS, 2)
    _, printed = launcher.communicate(timeout=300)
    assert launcher.returncode != 0
    assert "ValueError: no room" in printed


def patience() -> float:
    return torch.distributed.group.WORLD._get_backend(torch.device("cpu")).options._timeout.total_seconds()


def test_ranks_wait_for_each_other_longer_than_for_a_connection(tmp_path):
    assert on_ranks(tmp_path, 2, patience) == [300.0, 300.0]  # see `processes`; torch's own is half an hour
