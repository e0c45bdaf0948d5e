"""What the machine did: time per phase and peak memory."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Stopwatch:
    """Seconds per named phase: `with watch("rollout"): ...`"""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Add the time of the block to `phase`, waiting for the accelerator to finish it."""
        started = time.perf_counter()
        yield
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - started

    def rates(self, tokens: int) -> dict[str, float]:
        """`<phase>_tokens_per_s` for a step of that many generated tokens."""
        return {f"{phase}_tokens_per_s": round(tokens / s, 1) for phase, s in self.seconds.items()}


def peak_memory_mib() -> float:
    """Peak memory of this process so far, in MiB: the accelerator's if there is one."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
