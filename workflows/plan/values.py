"""Values of a plan: nested changes, files of settings, specs as parameters."""

import json
from pathlib import Path
from typing import Any

import yaml

from programs.spec import Spec
from workflows.explain import ConfigError


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


class _Param(dict):
    """Snakemake compares the `repr` of a param, here the recipe, and writes its `str`, the whole spec.

    A dictionary, as Snakemake makes strings anew when it fills in wildcards, and this would be lost.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__(recipe=_text(spec.recipe()))
        self._whole = _text(spec.model_dump(mode="json"))

    def __str__(self) -> str:
        return self._whole


def as_param(spec: Spec) -> dict[str, str]:
    """The spec as a rule's param: the program is given all of it, and another recipe alone runs it again."""
    return _Param(spec)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def read_yaml(path: Path) -> Any:
    """What a file says, by libyaml: in Python alone the claims take a tenth of a second.

    ConfigError if it is no YAML.
    """
    try:
        return yaml.load(path.read_text(), yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {error}") from None
