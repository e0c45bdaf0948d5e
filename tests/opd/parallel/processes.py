"""Several ranks in one test: processes that join each other as under torchrun.

They are forked from a server that has imported everything, so that a rank starts in a moment.
"""

import multiprocessing
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch.distributed import TCPStore
from torch.multiprocessing import start_processes

from opd.parallel import ranks

multiprocessing.set_forkserver_preload(["opd.distill", "tests.opd.parallel.processes"])


def on_ranks(folder: Path, count: int, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What `function` returns on each of `count` ranks, in order; fails if one of them does."""
    store = TCPStore("localhost", 0, is_master=True, wait_for_workers=False)  # at a port that is free
    given = (count, store.port, folder, function, arguments)
    start_processes(_rank, given, nprocs=count, start_method="forkserver")
    return [torch.load(folder / f"rank{number}.pt", weights_only=False) for number in range(count)]


def _rank(number: int, count: int, port: int, folder: Path, function: Callable, arguments: tuple) -> None:
    torch.set_num_threads(1)
    launched = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": count, "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in launched.items()}
    os.environ |= {"MASTER_ADDR": "localhost", "TORCHELASTIC_RUN_ID": "test"}
    os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"}
    ranks._PATIENCE = timedelta(minutes=5)  # a test whose ranks wait for each other ends before its limit
    ranks.join()
    torch.save(function(*arguments), folder / f"rank{number}.pt")
