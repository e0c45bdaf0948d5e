"""What every training run repeats around its steps: metrics, checkpoints, trackers, and its folder.

The folder receives `metrics.jsonl` (a line per step, see `opd.diagnostics.metrics`), `model/`, and `run.json`
last. A killed run continues from its last checkpoint when started again with the same recipe, and ends with
the same numbers, if a step depends on its number alone. Under torchrun the first process writes.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from opd import models
from opd.learner import Learner
from opd.parallel import ranks, sharding
from opd.run import checkpoint
from opd.run.code import code_hash
from opd.run.tracking import tracked
from programs.progress import progress
from programs.provenance import provenance, resumed_from
from programs.spec import Spec

_CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class Loop:
    """A run of a program, to be made in the folder `out`; trackers know it by `name`, as one of `group`."""

    program: str
    out: Path
    spec: Spec
    name: str
    group: str
    steps: int
    checkpoint_every: int

    @cached_property
    def code(self) -> str:
        """A hash of the code that decides the run's numbers, as it was when the run began."""
        return code_hash(self.program)

    def run(
        self,
        recipe: str,
        learner: Learner,
        step_of: Callable[[int], dict[str, Any]],
        averages: Mapping[str, Tensor] | None = None,
    ) -> None:
        """All steps that no checkpoint of this recipe has done; `step_of(step)` gives a line of the metrics.

        `recipe` is everything that decides the numbers, but for the code; `averages` change with the steps,
        beside the learner. FloatingPointError names the step that raised it.
        """
        folder, recipe = self.out / _CHECKPOINT, json.dumps([recipe, self.code])
        lines = checkpoint.load(folder, recipe, learner.model, learner.optimizer, averages)
        if lines and ranks.first():
            print(f"resuming after step {len(lines)}", flush=True)
        left = range(len(lines), self.steps)
        with ExitStack() as stack:
            path = self.out / "metrics.jsonl" if ranks.first() else Path(os.devnull)
            log = stack.enter_context(path.open("w"))
            told = tracked(self.out, recipe, self.spec, self.name, self.group, lines)
            track = stack.enter_context(told) if ranks.first() else None
            log.writelines(lines)
            for step in progress(left, desc=self.name) if ranks.first() else left:
                try:
                    lines.append(json.dumps(step_of(step)) + "\n")
                except FloatingPointError as error:
                    previous = lines[-1].strip() if lines else "none"
                    where = f"step {step}, {self.name}"
                    raise FloatingPointError(f"{where}: {error}. Last finite values: {previous}") from error
                log.write(lines[-1])
                log.flush()
                if track:
                    track(lines[-1])
                if (step + 1) % self.checkpoint_every == 0 and step + 1 < self.steps:
                    checkpoint.save(folder, recipe, lines, learner.model, learner.optimizer, averages)

    def finish(
        self,
        learner: Learner,
        describe: Callable[[dict[str, Any]], str],
        **stated: Any,
    ) -> None:
        """Write what the run made, the manifest last; its checkpoint is of no more use.

        On the first rank, with the weights gathered. `describe` makes the model's card of the last line of
        the metrics, without what depends on the machine's speed; `stated` goes into the manifest.
        """
        last = json.loads((self.out / "metrics.jsonl").read_text().splitlines()[-1])
        text = describe({name: value for name, value in last.items() if name != "machine"})
        weights = sharding.gathered_weights(learner.model)
        models.save(learner.model, learner.tokenizer, self.out / "model", text, weights)
        manifest = {"spec": self.spec.model_dump(), "model": models.fingerprint(self.out / "model")}
        earlier = resumed_from(checkpoint.sources(self.out / _CHECKPOINT))
        manifest |= {**provenance(), "training_code_sha256": self.code, **earlier, **stated}
        (self.out / "run.json").write_text(json.dumps(manifest, indent=2) + "\n")
        shutil.rmtree(self.out / _CHECKPOINT, ignore_errors=True)
