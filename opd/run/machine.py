"""What the machine did: time per phase and peak memory."""

import resource
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Stopwatch:
    """Seconds and peak MiB per named phase: `with watch("rollout"): ...`

    The peak is the accelerator's while the phase lasts; on a CPU it is the process's so far.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peak_mib: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Add the time of the block to `phase`, waiting for the accelerator to finish it."""
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        started = time.perf_counter()
        yield
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - started
        self.peak_mib[phase] = max(self.peak_mib.get(phase, 0.0), peak_memory_mib())

    def rates(self, tokens: int) -> dict[str, float]:
        """`<phase>_tokens_per_s` for a step of that many generated tokens."""
        return {f"{phase}_tokens_per_s": round(tokens / s, 1) for phase, s in self.seconds.items()}


def seconds(work: Callable[[], object]) -> float:
    """What `work` takes: on one CPU thread CPU time, which other programs do not lengthen, else wall time."""
    alone = not torch.cuda.is_available() and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    started = clock()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - started


def accelerator() -> dict[str, Any]:
    """`device` and `device_gib`, this process's accelerator and its memory; "cpu" and None without one."""
    if not torch.cuda.is_available():
        return {"device": "cpu", "device_gib": None}
    found = torch.cuda.get_device_properties()
    return {"device": found.name, "device_gib": round(found.total_memory / 2**30, 1)}


def peak_memory_mib() -> float:
    """Peak MiB of this process: on the accelerator since the last reset, on a CPU since it started."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def peak_bytes(work: Callable[[], object], device: torch.device) -> int:
    """Peak bytes of the tensors that `work` makes: the allocator's on a GPU, else torch's dispatcher's."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        work()
        return torch.cuda.max_memory_allocated() - before
    with LiveTensors() as memory:
        work()
    return memory.peak


class LiveTensors(TorchDispatchMode):
    """Peak bytes of the tensors that operations made and nobody has freed."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        result = function(*arguments, **(keywords or {}))
        # What shares memory with an argument, as views do, was not made here.
        made = storages(result).keys() - storages((arguments, keywords)).keys()
        for key in made:
            self._watch(storages(result)[key])
        return result

    def _watch(self, storage: torch.UntypedStorage) -> None:
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._free, storage.nbytes())

    def _free(self, size: int) -> None:
        self.live -= size


def storages(values: Any) -> dict[int, torch.UntypedStorage]:
    """The memory behind every tensor in a nest of values, by address of its record."""
    found = (leaf.untyped_storage() for leaf in tree_leaves(values) if isinstance(leaf, Tensor))
    return {storage._cdata: storage for storage in found}
