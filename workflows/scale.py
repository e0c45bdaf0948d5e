"""A scale as its files say it, without Snakemake: for programs and pages that ask what a config means."""

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from programs.provenance import ROOT
from workflows.explain import ConfigError
from workflows.plan import Plan, merge
from workflows.plan.values import read_yaml

CONFIG = ROOT / "workflows/config"
METHODS = ROOT / "workflows/methods"
_NAMES = {
    "rule": re.compile(r"^use rule \w+ as (\w+) with:", re.M),
    "folder": re.compile(r"^        method=\"([^\"]*)\"", re.M),
}
_REGISTRATION = re.compile(r"spec=(method\(.*\)),", re.S)


def read(files: Sequence[Path]) -> dict[str, Any]:
    """The config of some files, the later over the earlier, as `snakemake --configfile` merges them."""
    config: dict[str, Any] = {}
    for file in files:
        config = merge(config, read_yaml(file))
    return config


def scales() -> list[str]:
    """The scales that ship. A file that names a `base` is laid over that one's, and is none by itself."""
    return sorted(path.stem for path in CONFIG.glob("*.yaml") if "base" not in read_yaml(path))


def plan(config: dict[str, Any]) -> Plan:
    """The plan of a config with the methods of all method files, as the Snakefile makes it."""
    made = Plan(config)
    for name, knobs in registrations().items():
        made.method(name, **knobs)
    return made


def registrations() -> dict[str, dict[str, Any]]:
    """Method -> what it changes in `distill`, read from the `method(...)` of every method file.

    ConfigError where a file's rule, folder and registration have different names.
    """
    return dict(_registration(path) for path in sorted(METHODS.glob("*.smk")))


def _registration(path: Path) -> tuple[str, dict[str, Any]]:
    text = path.read_text()
    found = _REGISTRATION.search(text)
    call = ast.parse(found[1], mode="eval").body if found else None
    if not isinstance(call, ast.Call):
        raise ConfigError(f"{path} has no params entry spec=method(...); see docs/adding_a_method.md")
    name = ast.literal_eval(call.args[0])
    others = {kind: pattern.findall(text) for kind, pattern in _NAMES.items()}
    for kind, names in others.items():
        if names != [name]:
            raise ConfigError(f"{path} registers {name!r}, and its {kind} is {names}; write one name thrice")
    return name, {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
