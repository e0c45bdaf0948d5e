"""The processes that share a run: one without a launcher, several under torchrun.

With one process every function here returns what it was given and communicates nothing.
"""

import atexit
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

Value = TypeVar("Value")

# torchrun ends all ranks when one fails, so nobody waits for a dead one. Through gloo a rank waits for whole
# rollouts, of very different lengths; on a device for the passes of another rank.
_PATIENCE = timedelta(hours=12)
_PATIENCE_ON_DEVICE = timedelta(hours=1)


def join(alone: bool = False) -> None:
    """Be one of the ranks that torchrun started; without torchrun, a group of one if `alone` asks for it.

    The group ends with the process: vLLM ends groups of its own then, and they need this one.
    """
    if dist.is_initialized():
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    if dist.is_torchelastic_launched():
        _end_with_launcher()
        dist.init_process_group(backend)  # a rank that is not to be reached shows within torch's own limits
        _be_patient()
        _leave_when_failed()
    elif alone:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    atexit.register(_let_go)


def _end_with_launcher() -> None:
    """Die with torchrun: orphaned ranks would go on computing, on devices that the next job has by then."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def _be_patient() -> None:
    group = dist.distributed_c10d._get_default_group()
    group.set_timeout(_PATIENCE)
    if torch.cuda.is_available():
        group._get_backend(torch.device("cuda")).set_timeout(_PATIENCE_ON_DEVICE)


def _leave_when_failed() -> None:
    """End at once after an error's traceback, as torchrun ends the other ranks only then.

    What is queued on a device may wait for ranks that have failed as well, and an ordinary exit for that.
    """
    show = sys.excepthook

    def leave(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        show(kind, error, trace)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)

    sys.excepthook = leave


def _let_go() -> None:
    """Give the threads of a group a moment before the process ends.

    They need the GIL to let go of the last collectives' tensors. Until Python 3.14, shutdown kills a thread
    that waits for the GIL. Here that thread is in a C++ destructor, so the process aborts after all work is
    done. Nothing tells when they have let go: `destroy_process_group` would wait for the threads, but
    DTensor's caches keep the group.
    """
    if dist.is_initialized():
        time.sleep(1)


def count() -> int:
    """How many processes share the run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """This one's number, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def first() -> bool:
    """Whether this process draws prompts and writes files."""
    return rank() == 0


def total(values: Tensor) -> Tensor:
    """The elementwise sum over all ranks."""
    return _reduced(values, dist.ReduceOp.SUM)


def largest(value: float) -> float:
    """The largest of the ranks' values."""
    return _reduced(torch.tensor(value, dtype=torch.float64), dist.ReduceOp.MAX).item()


def _reduced(values: Tensor, operation: dist.ReduceOp.RedOpType) -> Tensor:
    if count() == 1:
        return values
    values = values.clone()
    dist.all_reduce(values, operation)
    return values


def from_first(function: Callable[[], Any]) -> Any:
    """What `function` returns on the first rank, the only one that calls it."""
    if count() == 1:
        return function()
    box = [function() if first() else None]
    dist.broadcast_object_list(box)
    return box[0]


def to_first(value: Value) -> list[Value]:
    """The values of all ranks in order, on the first; nothing on the others."""
    if count() == 1:
        return [value]
    values = [value] * count() if first() else None
    dist.gather_object(value, values)
    return values or []


def concatenated(values: Tensor, sizes: list[int]) -> list[Tensor]:
    """The (n, ...) tensors of all ranks, on all of them; `sizes` are their lengths n."""
    if count() == 1:
        return [values]
    padded = values.new_zeros(max(sizes), *values.shape[1:])
    padded[: len(values)] = values
    received = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(received, padded)
    return [part[:size] for part, size in zip(received, sizes, strict=True)]


def wait() -> None:
    """Until all ranks are here."""
    if count() > 1:
        dist.barrier()
