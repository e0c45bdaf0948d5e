"""Worker processes that end with the process that started them, even if that is killed."""

import os
import time
from threading import Thread

_PAUSE_S = 1.0


def end_with_parent() -> None:
    """End this process, whatever it is computing, a moment after its parent is gone.

    A worker that only waits for its parent sees the end of its pipe; one in a long answer computes on, and
    workers that share a queue hold each other's end of it open. Ranks have the kernel do it
    (`opd.parallel.ranks`); its signal comes when the *thread* ends that started a process, and workers are
    started by threads.
    """
    Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PAUSE_S)
    os._exit(1)
