"""A worker in an endless answer, whose parent is killed."""

import signal
import subprocess
import sys

from programs.provenance import ROOT
from tests.processes import wait_until_ended

WORKER = """
from programs.orphans import end_with_parent
end_with_parent()
print("works", flush=True)
while True:
    pass
"""
PARENT = """
import subprocess, sys
process = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True)
process.stdout.readline()
print(process.pid, flush=True)
process.wait()
"""


def test_a_worker_ends_with_its_killed_parent():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, WORKER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until_ended(worker)
