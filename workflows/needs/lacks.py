"""What jobs lack on this machine, and the command that mends each lack."""

import importlib.util
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from huggingface_hub.constants import HF_HUB_CACHE

from opd.plan import devices, memory
from opd.plan.devices import GIB
from workflows.needs import sources
from workflows.needs.job import Job
from workflows.needs.lack import Lack
from workflows.plan import Plan


def lacks(
    plan: Plan, jobs: Collection[Job], made: int = 0, found: Sequence[tuple[str, float]] | None = None
) -> Iterator[Lack]:
    """All lacks of these jobs, cheapest check first.

    `made` are the bytes of what they leave that is there already, `found` names and GiB of the GPUs that
    there are (None: this machine's).
    """
    yield from engine(jobs)
    yield from sources.games(plan, jobs)
    yield from cards(plan, jobs, found)
    yield from enough_cards(plan, jobs, found)
    yield from host_memory(jobs, found)
    yield from engine_share(plan, jobs, found)
    to_make = [job for job in jobs if job.rule != "fetch" or not sources.cached(plan.hub_spec(job.of))]
    yield from disk(Path(plan.results), to_make, made)
    yield from sources.data(jobs)
    yield from sources.weights(plan, jobs)


def engine(jobs: Collection[Job]) -> Iterator[Lack]:
    """vLLM, if it answers the prompts of a job, in evaluation or in training."""
    if any(job.engine == "vllm" for job in jobs) and importlib.util.find_spec("vllm") is None:
        command = "pip install -c constraints.txt '.[vllm]'" if devices.visible() else "make vllm"
        yield Lack("the engine vllm is not installed", command)


def cards(
    plan: Plan, jobs: Collection[Job], found: Sequence[tuple[str, float]] | None = None
) -> Iterator[Lack]:
    """A GPU with room for the largest job; without a GPU, the machine's own memory."""
    visible = devices.visible() if found is None else found
    name, gib = max(visible, key=lambda card: card[1], default=("this machine", devices.host_memory_gib()))
    usable = gib * devices.USABLE * GIB
    too_large = [job for job in jobs if job.memory and memory.peak(job.memory) > usable]
    if too_large:
        largest = max(too_large, key=lambda job: memory.peak(job.memory))
        kind = name if visible else "there is no GPU, and this machine"
        yield Lack(
            f"{largest.name} needs {memory.peak(largest.memory) / GIB:.0f} GiB per device; {kind} has "
            f"{gib:.0f} GiB, of which {usable / GIB:.0f} are for tensors",
            _plan_for_this_card(plan, visible)
            or f"python -m opd.plan --configfile {' '.join(plan.configfiles)}   # says what takes it",
        )


def _plan_for_this_card(plan: Plan, visible: Sequence[tuple[str, float]]) -> str | None:
    """A command, if the card that there is is not the one whose memory vLLM's share was planned from."""
    largest = max(visible, key=lambda card: card[1], default=None)
    known = devices.known(*largest) if largest else None
    if plan.config.gpu is None or known in (None, plan.config.gpu):
        return None
    return (
        f"snakemake ... --config gpu={known}   # planned for {plan.config.gpu}: vLLM's share is of the card"
    )


def enough_cards(
    plan: Plan, jobs: Collection[Job], found: Sequence[tuple[str, float]] | None = None
) -> Iterator[Lack]:
    """As many GPUs on this machine as the widest job on a model takes, if the config names a GPU.

    A cluster (`found`) has as many as a job asks for.
    """
    wanted, there = max((job.gpus for job in jobs if job.memory), default=0), len(devices.visible())
    if plan.config.gpu is None or found is not None or there >= wanted:
        return
    if there:
        yield Lack(
            f"a training run takes {wanted} GPUs, this machine has {there}",
            f"snakemake ... --config training_processes={there}   # python -m opd.plan says if it fits",
        )
    else:
        yield Lack(
            f"gpu is {plan.config.gpu}, and this machine has no GPU",
            "go to a machine where `nvidia-smi` lists one, or through a cluster: docs/clusters.md",
        )


def host_memory(jobs: Collection[Job], found: Sequence[tuple[str, float]] | None = None) -> Iterator[Lack]:
    """Memory of this machine for the job with most of it, beside its GPUs; Snakemake starts no more than fit.

    A cluster (`found`) gives a job what it asks for; without a GPU, see `cards`.
    """
    most, here = max(jobs, key=lambda job: job.host, default=None), devices.host_memory_gib()
    if found is None and devices.visible() and most and most.host > here * GIB:
        yield Lack(
            f"{most.name} takes {most.host / GIB:.0f} GiB of the host's memory, this machine has {here:.0f}",
            "snakemake ... --config 'distill={memory: {offload: false, hold_gradients: false}}', or fewer "
            "training_processes   # python -m opd.plan says if it fits",
        )


def engine_share(
    plan: Plan, jobs: Collection[Job], found: Sequence[tuple[str, float]] | None = None
) -> Iterator[Lack]:
    """Room for what vLLM holds and one response in the part of the card that a run leaves to it."""
    for job in jobs:
        taken = job.memory["rollout"]["engine"] if job.engine_needs else 0
        if 0 < taken < job.engine_needs:
            yield Lack(
                f"{job.name} leaves vLLM {taken / GIB:.1f} GiB; weights, one response and its own needs are "
                f"{job.engine_needs / GIB:.1f}",
                _plan_for_this_card(plan, devices.visible() if found is None else found)
                or "in the config: a larger engine.memory_share, or an engine.tensor_parallel that divides "
                "the processes of a node",
            )
            return


def disk(results: Path, jobs: Collection[Job], made: int = 0) -> Iterator[Lack]:
    """Room for everything that is kept, less the bytes that were made already, and for checkpoints.

    Each run of those that this machine can do at once has two: a new one is complete before the old goes.
    What comes from the hub lies in its cache.
    """
    fetched = sum(job.count * job.disk for job in jobs if job.rule == "fetch")
    kept = sum(job.count * job.disk for job in jobs) - fetched
    need, cache = kept + 2 * _checkpoints(jobs) - made, Path(HF_HUB_CACHE)
    if _on_disk(cache).stat().st_dev == _on_disk(results).stat().st_dev:
        need, fetched = need + fetched, 0
    large = f"/LARGE/DISK/{results.name}"
    link = f"mkdir -p {large} && mkdir -p {results.parent} && ln -s {large} {results}"
    yield from _room(results, need, link)
    yield from _room(cache, fetched, "export HF_HUB_CACHE=/LARGE/DISK/hub")


def _room(folder: Path, need: int, mend: str) -> Iterator[Lack]:
    free = shutil.disk_usage(_on_disk(folder)).free
    if need > free:
        yield Lack(f"{folder} needs {need / GIB:.0f} GiB more, {free / GIB:.0f} are free", mend)


def _checkpoints(jobs: Collection[Job]) -> int:
    """Bytes of one checkpoint of each run that there can be at once, on the GPUs of this machine."""
    runs, gpus = [job for job in jobs if job.scratch], len(devices.visible())
    many = sum(job.count for job in runs)
    return max((job.scratch * min(many, max(1, gpus // job.gpus)) for job in runs), default=0)


def _on_disk(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in [folder.resolve(), *folder.resolve().parents] if path.exists())


def bytes_below(folder: Path) -> int:
    """Bytes of the files in a folder; links are to files that lie elsewhere."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
