"""Checkpoints: a folder that a killed run continues from, written whole or not at all.

`torch.distributed.checkpoint` writes and reads the tensors: each process its own parts, whatever the number
of processes was that wrote them.
"""

import json
import os
import shutil
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch.distributed.checkpoint as dcp
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict, set_state_dict
from torch.optim import Optimizer

from opd.parallel import ranks
from programs.provenance import sessions

# What is not trained is in the input models.
_OPTIONS = StateDictOptions(ignore_frozen_params=True, strict=False)
_PROGRESS = "progress.json"
# Options that say how an optimiser computes, not what. They depend on where the weights rest, so a run that
# resumes keeps its own.
_WAYS = ("foreach", "fused")
# torch warns of this where a process is alone, even if `no_dist` says that it is.
_ALONE = "torch.distributed is disabled, unavailable or uninitialized"


def save(
    folder: Path,
    recipe: str,
    lines: list[str],
    model: nn.Module,
    optimizer: Optimizer,
    averages: Mapping[str, Tensor] | None = None,
) -> None:
    """Replace the checkpoint atomically, all processes together.

    `recipe` identifies what it may be resumed for; the number of metrics `lines` is the step to continue
    with. `averages`, by name, are the same on every rank.
    """
    # A name of its own each time: over NFS a node may take a name for the folder that had it before.
    partial, done = folder / f"partial{len(lines):06}", folder / f"step{len(lines):06}"
    if ranks.first():
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    ranks.wait()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", _ALONE)
        dcp.save(_tensors(model, optimizer, averages), checkpoint_id=partial, no_dist=ranks.count() == 1)
    if ranks.first():
        progress = {"recipe": recipe, "metrics": lines, "sources": sessions(sources(folder))}
        _write(partial / _PROGRESS, json.dumps(progress))
        os.replace(partial, done)
        _remove(set(folder.iterdir()) - {done})


def load(
    folder: Path,
    recipe: str,
    model: nn.Module,
    optimizer: Optimizer,
    averages: Mapping[str, Tensor] | None = None,
) -> list[str]:
    """Put a checkpoint into its arguments; returns the metrics lines of the steps already done.

    None are done if there is no checkpoint, or if it belongs to another recipe; then it is removed.
    """
    newest, lines = ranks.from_first(lambda: _newest(folder, recipe))
    if newest is not None:
        state = _tensors(model, optimizer, averages)
        ways = [{name: group[name] for name in _WAYS} for group in optimizer.param_groups]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", _ALONE)
            dcp.load(state, checkpoint_id=newest, no_dist=ranks.count() == 1)
        for group, way in zip(state["optimizer"]["param_groups"], ways, strict=True):
            group.update(way)
        set_state_dict(
            model,
            optimizer,
            model_state_dict=state["model"],
            optim_state_dict=state["optimizer"],
            options=_OPTIONS,
        )
    return lines


def sources(folder: Path) -> list[str]:
    """The source hashes of the sessions that led to the newest checkpoint; none if there is none."""
    _, progress = _read(folder)
    return progress.get("sources", [])


def _newest(folder: Path, recipe: str) -> tuple[Path | None, list[str]]:
    newest, progress = _read(folder)
    if progress and progress["recipe"] == recipe:
        return newest, progress["metrics"]
    if progress:
        print(f"{folder} belongs to another spec or other input: starting over", flush=True)
    # A checkpoint is not moved onto a folder: what is left of other runs would be in the way.
    _remove(folder.glob("*"))
    return None, []


def _read(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    whole = sorted(folder.glob(f"step*/{_PROGRESS}"))
    return (whole[-1].parent, json.loads(whole[-1].read_text())) if whole else (None, {})


def _remove(folders: Iterable[Path]) -> None:
    for each in folders:
        # First what makes it whole, so that nobody resumes from the rest of it after a kill.
        (each / _PROGRESS).unlink(missing_ok=True)
        shutil.rmtree(each)


def _tensors(model: nn.Module, optimizer: Optimizer, averages: Mapping[str, Tensor] | None) -> dict[str, Any]:
    new = not optimizer.state
    weights, states = get_state_dict(model, optimizer, options=_OPTIONS)
    if new:
        # To have something to write, torch made an empty update, which would count in Adam's bias correction.
        for state in optimizer.state.values():
            state["step"].zero_()
        weights, states = get_state_dict(model, optimizer, options=_OPTIONS)
    tensors = {"model": weights, "optimizer": states}
    return tensors | {"averages": dict(averages)} if averages else tensors


def _write(path: Path, text: str) -> None:
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
