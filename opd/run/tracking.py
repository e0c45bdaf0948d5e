"""Metrics as curves in TensorBoard or Weights & Biases, beside the metrics.jsonl that every run writes.

The environment variable OPD_TRACKING names where: `tensorboard`, `wandb`, both with a comma, or nothing.
It is no part of a run's spec, so switching it on reruns nothing. A curve is always complete: what a resumed
run did before it was killed is told again.

TensorBoard's events go to `tensorboard/` in the run's folder. Weights & Biases takes its own variables
(WANDB_PROJECT, WANDB_MODE=offline, WANDB_DIR); a resumed run goes on under the same id.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from programs.errors import UserError
from programs.spec import Spec

Tracker = Callable[[int, Mapping[str, float]], None]
"""Takes a step's scalars."""


@contextmanager
def tracked(
    folder: Path, recipe: str, spec: Spec, name: str, group: str, lines: Sequence[str]
) -> Iterator[Callable[[str], None]]:
    """A function to call with every new line of the run's metrics; `lines` are those that exist.

    A run is the same, and goes on, as long as folder and `recipe` are: all that decides its numbers.
    Weights & Biases shows the run under `name`, beside others of its `group`.

    UserError for an unknown name in OPD_TRACKING, ModuleNotFoundError if its package is missing.
    """
    with ExitStack() as stack:
        trackers = [
            stack.enter_context(_TRACKERS[each](folder, recipe, spec, name, group)) for each in chosen()
        ]

        def track(line: str) -> None:
            record = json.loads(line)
            for tracker in trackers:
                tracker(record["step"], scalars(record))

        for line in lines:
            track(line)
        yield track


def chosen() -> list[str]:
    """The trackers that OPD_TRACKING names, each installed."""
    names = [name.strip() for name in os.environ.get("OPD_TRACKING", "").split(",") if name.strip()]
    for name in names:
        if name not in _TRACKERS:
            raise UserError(f"OPD_TRACKING has {name!r}; write one or both of {', '.join(_TRACKERS)}")
        if find_spec(name) is None:
            raise ModuleNotFoundError(f"OPD_TRACKING asks for {name}: `pip install '.[{name}]'`, or unset it")
    return names


def scalars(record: Mapping[str, Any]) -> dict[str, float]:
    """A metrics line as flat names with numbers: `<task>/<metric>`, and `machine/<metric>` of the machine.

    Lists give a number per place, `<task>/gap_by_position/0`; what is null or a text is left out.
    """
    own = {name: value for name, value in record.items() if name not in ("step", "task", "machine")}
    return _flat(record["task"], own) | _flat("machine", record["machine"])


def _flat(prefix: str, value: Any) -> dict[str, float]:
    if isinstance(value, Mapping):
        nested = [_flat(f"{prefix}/{name}", each) for name, each in value.items()]
    elif isinstance(value, list):
        nested = [_flat(f"{prefix}/{place}", each) for place, each in enumerate(value)]
    else:
        return {} if value is None or isinstance(value, str) else {prefix: float(value)}
    return {name: number for part in nested for name, number in part.items()}


@contextmanager
def _tensorboard(folder: Path, recipe: str, spec: Spec, name: str, group: str) -> Iterator[Tracker]:
    from torch.utils.tensorboard import SummaryWriter

    # Written anew, as the lines of a resumed run are: two files of events would be two lines in a curve.
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    with SummaryWriter(str(folder / "tensorboard")) as writer:
        writer.add_text("spec", f"```json\n{spec.model_dump_json(indent=2)}\n```")

        def track(step: int, numbers: Mapping[str, float]) -> None:
            for name, number in numbers.items():
                writer.add_scalar(name, number, step)

        yield track


@contextmanager
def _wandb(folder: Path, recipe: str, spec: Spec, name: str, group: str) -> Iterator[Tracker]:
    import wandb

    run = wandb.init(
        # Another recipe in the same folder is another run, not one that goes on.
        id=hashlib.sha256(f"{folder.absolute()} {recipe}".encode()).hexdigest()[:16],
        resume="allow",
        name=name,
        group=group,
        config=spec.model_dump(mode="json"),
    )
    known = run.step  # of a run that goes on: its server has what came before

    def track(step: int, numbers: Mapping[str, float]) -> None:
        if step >= known:
            run.log(dict(numbers), step=step)

    try:
        yield track
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()


_TRACKERS = {"tensorboard": _tensorboard, "wandb": _wandb}
