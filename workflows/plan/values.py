"""Values of a plan: nested changes, files of settings, specs as parameters."""

import json
from pathlib import Path
from typing import Any

import yaml

from programs.spec import Spec


def merge(base: dict, change: dict) -> dict:
    """`base` with the values of `change` put over it, nested dictionaries key by key."""
    merged = dict(base)
    for key, value in change.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if nested else value
    return merged


def nest(dotted: str, value: Any) -> dict:
    """The dictionary in which a dotted path leads to the value."""
    first, _, rest = dotted.partition(".")
    return {first: nest(rest, value) if rest else value}


def as_param(spec: Spec) -> str:
    """The spec as the one JSON string that Snakemake tracks and the program reads."""
    return json.dumps(spec.model_dump(mode="json"), sort_keys=True)


def read_yaml(path: Path) -> Any:
    """What a file says, by libyaml: in Python alone the claims take a tenth of a second."""
    return yaml.load(path.read_text(), yaml.CSafeLoader)
