"""What a GPU has to offer: the table that hours are estimated from, and the devices of this machine."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

GIB = 2**30


@dataclass(frozen=True)
class Device:
    """Memory as torch reports it; dense bfloat16 operations and bytes per second as the data sheet does."""

    name: str
    memory_gib: float
    tera_operations_per_s: float
    terabytes_per_s: float

    @property
    def usable_bytes(self) -> int:
        """Memory for tensors: the rest is the driver's, or lost between blocks of the allocator."""
        return int(self.memory_gib * GIB * USABLE)


# Shares of the data sheet's figures that a program reaches, and of the memory that tensors can use. They are
# assumptions: measured rates of runs at hand go before the first three.
TRAINING_SHARE = 0.40
SCORING_SHARE = 0.50
BANDWIDTH_SHARE = 0.60
USABLE = 0.94
# Bytes per second between a card and its host, which a slot of PCIe 4.0 reaches (of 5.0, twice that; an
# assumption), and through a host's memory while its cores update weights: with 40e9 a run on a host of 16
# cores took as long as planned (docs/performance.md).
COPY_BYTES_PER_S = 25e9
HOST_BYTES_PER_S = 40e9

DEVICES: dict[str, Device] = {
    "h200": Device("H200 141 GB", 139.8, 989, 4.8),
    "h100": Device("H100 80 GB", 79.1, 989, 3.35),
    "a100-80": Device("A100 80 GB", 79.1, 312, 2.04),
    "a100-40": Device("A100 40 GB", 39.4, 312, 1.56),
    "rtx4090": Device("RTX 4090 24 GB", 23.6, 165, 1.01),
    "rtx3090": Device("RTX 3090 24 GB", 23.6, 71, 0.94),
}
"""Sources: NVIDIA's data sheets (SXM cards); memory from torch's own out-of-memory messages."""

_OWN_GROUPS, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
_QUERY = ["nvidia-smi", "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits"]


@dataclass(frozen=True)
class Card:
    """A GPU of this machine, as its driver describes it."""

    uuid: str
    name: str
    gib: float


def listed() -> dict[str, Card]:
    """The GPUs that the driver shows to this process, each by its index and by its UUID; none without one.

    A driver that fails shows none either, and says why.
    """
    try:
        text = subprocess.run(_QUERY, capture_output=True, text=True, check=True).stdout
    except OSError:
        return {}
    except subprocess.CalledProcessError as error:
        print(f"{_QUERY[0]} shows no GPU: {(error.stderr or error.stdout).strip()}", file=sys.stderr)
        return {}
    cards: dict[str, Card] = {}
    for index, uuid, name, mib in (line.split(", ") for line in text.strip().splitlines()):
        cards[index] = cards[uuid] = Card(uuid, name, float(mib) / 1024)
    return cards


def visible() -> list[tuple[str, float]]:
    """(name, GiB) of the GPUs that this process may use; empty without a driver or with none allowed."""
    cards = listed()
    # A part of a card (MIG) is not listed; it is taken for the first card.
    found = [cards.get(name, next(iter(cards.values()))) for name in allowed(cards)] if cards else []
    return [(card.name, card.gib) for card in found]


def allowed(cards: Mapping[str, Card]) -> list[str]:
    """The devices that CUDA_VISIBLE_DEVICES names, else all, by their index.

    As for CUDA, what names no device ends the list. Without a driver's list, every number names one.
    """
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return [name for name in cards if name.isdigit()]

    def is_device(name: str) -> bool:
        return name in cards or name.startswith(("GPU-", "MIG-")) or (not cards and name.isdigit())

    return list(takewhile(is_device, map(str.strip, named.split(","))))


def here() -> str:
    """The table's entry that is nearest to the first GPU of this machine; an H100 if there is none."""
    return next(filter(None, (known(*card) for card in visible())), "h100")


def known(name: str, gib: float) -> str | None:
    """The table's entry for a card of that name and memory, if it has one."""
    plain = name.lower().replace(" ", "")
    alike = [key for key in DEVICES if key.split("-")[0] in plain]
    return min(alike, key=lambda key: abs(DEVICES[key].memory_gib - gib), default=None)


def host_memory_gib() -> float:
    """Memory of this machine, or what a control group (a container, a job of SLURM) leaves this process."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits()]) / GIB


def _limits() -> Iterator[int]:
    """Bytes that the control groups of this process allow, of version 2 or 1: its own, and those above it."""
    lines = _OWN_GROUPS.read_text().splitlines() if _OWN_GROUPS.exists() else []  # of Linux alone
    for line in lines:
        _, controllers, path = line.split(":", 2)
        own = _GROUPS / controllers / path.lstrip("/")
        folders = [own, *own.parents] if controllers in ("", "memory") else []
        files = [folder / name for folder in folders for name in ("memory.max", "memory.limit_in_bytes")]
        texts = [file.read_text().strip() for file in files if file.exists()]
        yield from (int(text) for text in texts if text.isdigit())
