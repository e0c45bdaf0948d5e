"""What a target lacks on this machine, and the command that mends each lack.

Every check names the rules that need it, so that a run that does not reach them is not stopped.
"""

import importlib.util
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from huggingface_hub import HfApi, try_to_load_from_cache
from huggingface_hub.constants import HF_HUB_CACHE
from huggingface_hub.errors import GatedRepoError, HTTPError

import envs
from envs.math import Math
from eval.suites import get as suite_named
from eval.suites.load import at_hand
from opd.plan import devices, memory
from opd.plan.devices import GIB
from opd.plan.jobs import Job
from opd.spec import HubModelSpec
from workflows.plan import Plan


@dataclass(frozen=True)
class Lack:
    """What is missing, and what to run (or do) about it."""

    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.what}\n    {self.mend}"


def lacks(
    plan: Plan,
    jobs: Collection[Job],
    rules: Collection[str] | None = None,
    found: Sequence[tuple[str, float]] | None = None,
) -> Iterator[Lack]:
    """All lacks, cheapest check first, for the jobs that run a model and for all `rules` (None: any).

    `found` are names and GiB of the GPUs that there are (None: this machine's).
    """
    made = _bytes_below(Path(plan.results)) if rules is None else 0
    to_make = [job for job in jobs if job.rule != "fetch" or not cached(_hub(plan, job.of))]
    reading = {"generate", "score", "contamination", "distill", *(job.rule for job in jobs)} - {
        "fetch",
        "play",
    }
    checks: list[tuple[Collection[str], Callable[[], Iterator[Lack]]]] = [
        ({job.rule for job in jobs}, lambda: engine(jobs)),
        ({"panel"}, lambda: games(plan)),
        ({job.rule for job in jobs}, lambda: cards(plan, jobs, found)),
        ({job.rule for job in jobs}, lambda: enough_cards(plan, jobs, found)),
        ({job.rule for job in jobs}, lambda: host_memory(jobs, found)),
        ({job.rule for job in jobs}, lambda: engine_share(plan, jobs, found)),
        ({job.rule for job in jobs}, lambda: disk(Path(plan.results), to_make, made)),
        (reading, lambda: data(plan)),
        ({"fetch"}, lambda: weights(plan)),
    ]
    for needed_by, check in checks:
        if rules is None or not set(needed_by).isdisjoint(rules):
            yield from check()


def engine(jobs: Collection[Job]) -> Iterator[Lack]:
    """vLLM, if it answers the prompts of a job, in evaluation or in training."""
    if any(job.engine == "vllm" for job in jobs) and importlib.util.find_spec("vllm") is None:
        command = "pip install -c constraints.txt '.[vllm]'" if devices.visible() else "make vllm"
        yield Lack("the engine vllm is not installed", command)


def games(plan: Plan) -> Iterator[Lack]:
    """ALFWorld's games, if a panel draws from $ALFWORLD_DATA."""
    if all(panel.source for panel in plan.config.panels.values()):
        return
    named = os.environ.get("ALFWORLD_DATA")
    if not named:
        yield Lack(
            "ALFWORLD_DATA is not set",
            "export ALFWORLD_DATA=$HOME/alfworld && alfworld-download   # 2 GB; or a folder of compact rows",
        )
    elif not Path(named).expanduser().exists():
        yield Lack(f"$ALFWORLD_DATA ({named}) does not exist", "alfworld-download   # 2 GB")


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
            or f"python -m opd.plan --configfile {plan.configfiles}   # says what takes it",
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
    """As many GPUs on this machine as the widest job takes, if the config names a GPU and there is any.

    A cluster (`found`) has as many as a job asks for.
    """
    wanted, there = max((job.gpus for job in jobs), default=0), len(devices.visible())
    if plan.config.gpu and found is None and 0 < there < wanted:
        yield Lack(
            f"a training run takes {wanted} GPUs, this machine has {there}",
            f"snakemake ... --config training_processes={there}   # python -m opd.plan says if it fits",
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
    """Room for the student's copy and one response in the part of the card that a run leaves to vLLM."""
    for job in jobs:
        taken = job.memory["rollout"]["engine"] if job.engine_needs else 0
        if 0 < taken < job.engine_needs:
            yield Lack(
                f"{job.name} leaves vLLM {taken / GIB:.1f} GiB, the weights and one response take "
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


def _bytes_below(folder: Path) -> int:
    """Bytes of the files in a folder; links are to files that lie elsewhere."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def data(plan: Plan) -> Iterator[Lack]:
    """Suites and training prompts, from a folder, the cache, or a hub that can be reached."""
    evaluation = plan.config.evaluation
    trained_on = [envs.load(task.environment) for task in plan.config.tasks.values() if task.environment]
    wanted = [each.training_set for each in trained_on if isinstance(each, Math)]
    if isinstance(envs.load(evaluation.environment), Math):
        wanted += [*plan.suites, *([evaluation.contamination] if evaluation.contamination else [])]
    missing = [name for name in dict.fromkeys(wanted) if at_hand(suite_named(name)) is None]
    if not missing:
        return
    unreachable = _unreachable(lambda hub: hub.dataset_info(suite_named(missing[0]).hub.repository))
    if unreachable:
        yield Lack(
            f"no data for {', '.join(missing)}, and the hub cannot be read ({unreachable})",
            f"export OPD_MATH_DATA=FOLDER   # one with {missing[0]}.jsonl; or, where the hub can be reached, "
            f"python -m eval.suites fetch {' '.join(missing)}",
        )


def weights(plan: Plan) -> Iterator[Lack]:
    """Weights of the hub's models: in the results, in the hub's cache, or to be had from the hub."""
    for name in plan.made_by("hub"):
        spec, folder = _hub(plan, name), Path(plan.model_folder(name))
        if complete(folder) or cached(spec):
            continue
        if spec.is_folder:
            yield Lack(
                f"{spec.hub_id} holds no weights", f"name another folder, or a hub id, in models.{name}"
            )
            continue
        problem = _unreachable(partial(HfApi.auth_check, repo_id=spec.hub_id))
        if problem == "licence":
            yield Lack(
                f"{spec.hub_id} wants its licence accepted",
                f"hf auth login   # then accept at https://huggingface.co/{spec.hub_id}",
            )
        elif problem:
            yield Lack(
                f"no weights of {spec.hub_id}, and the hub cannot be read ({problem})",
                f"hf download {spec.hub_id} --revision {spec.revision}   # where it can; bring its cache",
            )


def _hub(plan: Plan, model: str) -> HubModelSpec:
    spec = plan.config.models[model].hub
    assert spec is not None
    return spec


def cached(spec: HubModelSpec) -> bool:
    """Whether the folder, or the hub's cache, has the model with all its weights."""
    if spec.is_folder:
        return complete(Path(spec.hub_id))
    config = try_to_load_from_cache(spec.hub_id, "config.json", revision=spec.revision)
    return isinstance(config, str) and complete(Path(config).parent)


def complete(folder: Path) -> bool:
    """Whether all weight files that a folder's index names are there; without an index, whether any is."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return any(folder.glob("*.safetensors"))
    return all((folder / name).exists() for name in json.loads(index.read_text())["weight_map"].values())


def _unreachable(ask: Callable[[HfApi], object]) -> str | None:
    """Why the hub does not answer; None if it does, `licence` if it wants one to be accepted."""
    try:
        ask(HfApi())
    except GatedRepoError:
        return "licence"
    except (HTTPError, OSError) as error:
        return type(error).__name__
    return None
