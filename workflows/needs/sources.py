"""What jobs take from outside, games, data and weights: whether it is here or can be had."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from huggingface_hub import HfApi, try_to_load_from_cache
from huggingface_hub.errors import GatedRepoError, HTTPError

from eval.suites import get as suite_named
from eval.suites.load import at_hand
from opd.spec import HubModelSpec
from workflows.needs.job import Job
from workflows.needs.lack import Lack
from workflows.plan import Plan


def games(plan: Plan, jobs: Iterable[Job]) -> Iterator[Lack]:
    """ALFWorld's games, if a panel draws from $ALFWORLD_DATA."""
    if all(plan.config.panels[job.of].source for job in jobs if job.rule == "panel"):
        return
    named = os.environ.get("ALFWORLD_DATA")
    if not named:
        yield Lack(
            "ALFWORLD_DATA is not set",
            "export ALFWORLD_DATA=$HOME/alfworld && alfworld-download   # 2 GB; or a folder of compact rows",
        )
    elif not Path(named).expanduser().exists():
        yield Lack(f"$ALFWORLD_DATA ({named}) does not exist", "alfworld-download   # 2 GB")


def data(jobs: Iterable[Job]) -> Iterator[Lack]:
    """Suites and training prompts, from a folder, the cache, or a hub that can be reached."""
    wanted = sorted(frozenset().union(*(job.reads for job in jobs)))
    missing = [suite for name in wanted if at_hand(suite := suite_named(name)) is None]
    folder = "export OPD_MATH_DATA=FOLDER   # one with"
    yield from (Lack(f"no data for {s.name}", f"{folder} {s.name}.jsonl") for s in missing if not s.hub)
    hubs = {suite.name: suite.hub.repository for suite in missing if suite.hub}
    if not hubs:
        return
    first, repository = next(iter(hubs.items()))
    if unreachable := _unreachable(partial(HfApi.dataset_info, repo_id=repository)):
        yield Lack(
            f"no data for {', '.join(hubs)}, and the hub cannot be read ({unreachable})",
            f"{folder} {first}.jsonl; or, where the hub can be reached, "
            f"python -m eval.suites fetch {' '.join(hubs)}",
        )


def weights(plan: Plan, jobs: Iterable[Job]) -> Iterator[Lack]:
    """Weights of the hub's models: in the results, in the hub's cache, or to be had from the hub."""
    for name in (job.of for job in jobs if job.rule == "fetch"):
        spec, folder = plan.hub_spec(name), Path(plan.model_folder(name))
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
