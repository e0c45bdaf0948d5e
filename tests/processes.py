"""Processes that a test waits for."""

import time


def wait_until_ended(process: int, seconds: float = 60) -> None:
    """AssertionError if the process still runs after so long."""
    deadline = time.monotonic() + seconds
    while _runs(process):
        assert time.monotonic() < deadline, f"process {process} outlived the one that started it"
        time.sleep(0.05)


def _runs(process: int) -> bool:
    """Whether it is there, and not only as a zombie that nobody has waited for."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
