"""What may stand in a `distill` section: the config's, an experiment's or a model's, and a method's knobs.

Each is laid over the last, and `opd.spec.DistillSpec` checks what comes out. Checked here is what merging
would hide: a section given as a single value, and an unknown key.
"""

import json
from typing import Annotated, Any

from pydantic import AfterValidator

from opd.objectives import OBJECTIVES
from opd.spec import DistillSpec
from workflows.explain import among, inner_model

# The rest of a run's spec follows from where the settings stand.
_FIELDS = {
    name: field
    for name, field in DistillSpec.model_fields.items()
    if name not in ("experiment", "method", "seed", "tasks")
}
_KEYS = _FIELDS.keys() | {"rollout"}
_SECTIONS = {name for name, field in _FIELDS.items() if inner_model(field.annotation)} | {"rollout"}
_NULLABLE = {name for name, field in _FIELDS.items() if field.default is None}


def settings(given: dict[str, Any]) -> dict[str, Any]:
    """What was given; ValueError for a key that no run has, or a section without keys."""
    for key, value in given.items():
        if key not in _KEYS:
            option = any(key in objective.options for objective in OBJECTIVES.values())
            hint = f"an option of a loss is objective.options.{key}" if option else among(key, _KEYS)
            raise ValueError(f"{key} is not a known key; {hint}")
        if key in _SECTIONS and not isinstance(value, dict) and not (value is None and key in _NULLABLE):
            found = json.dumps(value, default=str)
            raise ValueError(f"{key} has keys of its own; write them below it instead of {found}")
    return given


Settings = Annotated[dict[str, Any], AfterValidator(settings)]
