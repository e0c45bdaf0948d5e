"""GPUs for one job at a time: run a command on devices that no other job of this machine has.

    python -m workflows.lease --gpus 1 -- python -m opd.distill ...

Snakemake counts GPUs but gives out no device numbers. Here every device is a lock file; the command starts
when enough of them are free, with CUDA_VISIBLE_DEVICES set to those, and holds the locks until it ends,
however it ends; ranks end with their torchrun (`opd.parallel.ranks.join`). The devices are those that
CUDA_VISIBLE_DEVICES names, as SLURM sets it, else all of the machine. With --gpus 0 the command sees none. A
lock file has the UUID of its GPU for a name, if the driver lists it: on a cluster that shows each job its own
GPUs alone, every job calls them 0, 1, ...

A command on several devices starts a process for each. Snakemake says how many threads the job has
(OMP_NUM_THREADS and its like), and every process would take all of them; so each gets its part.
"""

import argparse
import fcntl
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from opd.plan import devices

_PAUSE_S = 1.0


def main(gpus: int, command: Sequence[str]) -> NoReturn:
    """Become `command`, once `gpus` devices are leased."""
    # The driver lists cards in this order; CUDA's own order puts the fastest first.
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(wait_for(gpus, usable())) if gpus else ""
    if int(os.environ.get("SLURM_JOB_NUM_NODES", 1)) > 1:
        # Else torchrun may tell the other nodes this one's full name, which can be "localhost".
        os.environ.setdefault("PET_LOCAL_ADDR", os.environ["SLURMD_NODENAME"])
    for name, threads in os.environ.items():
        if gpus > 1 and name.endswith("_NUM_THREADS"):
            # One number, or one for each level of nesting.
            os.environ[name] = ",".join(str(max(1, int(each) // gpus)) for each in threads.split(","))
    os.execvp(command[0], list(command))


def usable() -> dict[str, str]:
    """The devices that this process may use, as CUDA_VISIBLE_DEVICES names them, with what to lock."""
    cards = devices.listed()
    return {name: cards[name].uuid if name in cards else name for name in devices.allowed(cards)}


def wait_for(gpus: int, among: Mapping[str, str], pause_s: float = _PAUSE_S) -> list[str]:
    """`gpus` of the devices, leased to this process and what it becomes; waits until so many are free.

    Raises ValueError if there never can be.
    """
    if gpus > len(among):
        raise ValueError(f"the job asks for {gpus} GPU(s), and this machine has {len(among)}")
    told = False
    while not (leased := _try(gpus, among)):
        if not told:
            print(f"waiting for {gpus} of the GPUs {', '.join(among)}: locks in {_folder()}", file=sys.stderr)
            told = True
        time.sleep(pause_s)
    return leased


def _try(gpus: int, among: Mapping[str, str]) -> list[str]:
    """That many free devices, or none at all, so that two jobs never wait for each other's."""
    locks: dict[str, int] = {}
    for device, name in among.items():
        lock = os.open(_folder() / f"gpu{name.replace('/', '_')}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        locks[device] = lock
        if len(locks) == gpus:
            for held in locks.values():
                os.set_inheritable(held, True)  # held on by the command
            return list(locks)
    for lock in locks.values():
        os.close(lock)
    return []


def _folder() -> Path:
    folder = Path(tempfile.gettempdir(), f"opd-gpus-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m workflows.lease",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--gpus", type=int, required=True)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    if given.gpus < 0 or not command:
        parser.error("write --gpus N -- COMMAND, N of 0 or more")
    try:
        main(given.gpus, command)
    except (ValueError, OSError) as error:
        sys.exit(f"python -m workflows.lease: {error}")
