"""A scale as its files say it, without Snakemake: for programs and pages that ask what a config means."""

import ast
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import reduce
from pathlib import Path
from typing import Any, cast, get_args

from programs.provenance import ROOT
from workflows.config.names import RULE, Base, is_name
from workflows.explain import ConfigError
from workflows.plan import Plan, merge
from workflows.plan.values import read_yaml

CONFIG = ROOT / "workflows/config"
METHODS = ROOT / "workflows/methods"
_NAMES = {
    "rule": re.compile(r"^use rule \w+ as (\w+) with:", re.M),
    "folder": re.compile(r"^[ \t]+method=\"([^\"]*)\"", re.M),
}
_REGISTRATION = re.compile(r"spec=(method\(.*)", re.S)


def read(files: Sequence[Path], settings: Sequence[str] = ()) -> dict[str, Any]:
    """The config of `snakemake --configfile FILES --config SETTINGS`, the later over the earlier.

    As in the Snakefile, all lie over the scale that they name as `base`.
    """
    changes = [read_yaml(file) for file in files]
    if settings:
        changes.append(_settings(settings))
    config: dict[str, Any] = reduce(merge, changes, {})
    if (base := config.get("base")) not in get_args(Base):
        return config
    return merge(read_yaml(CONFIG / f"{base}.yaml"), config)


def _settings(settings: Sequence[str]) -> dict[str, Any]:
    """What `--config` says, read as Snakemake reads it: numbers and booleans, all else is text."""
    from snakemake.cli import parse_config  # a second, which few pay

    try:
        return parse_config(settings)
    except ValueError as error:
        raise ConfigError(f"--config {' '.join(settings)}: {error}") from None


def scales() -> list[str]:
    """The scales that ship. A file that names a `base` is laid over that one's, and is none by itself."""
    return sorted(path.stem for path in CONFIG.glob("*.yaml") if "base" not in read_yaml(path))


def plan(config: dict[str, Any], files: Sequence[Path] = ()) -> Plan:
    """The plan of a config with the methods of all method files, as the Snakefile makes it.

    `files` are those that the config was read from, if it is not all in the one named as its scale.
    """
    made = Plan(config)
    if files:
        made.configfiles = tuple(os.path.relpath(file) for file in files)
    for name, knobs in _registrations():
        made.method(name, **knobs)
    return made


def registrations() -> dict[str, dict[str, Any]]:
    """Method -> what it changes in `distill`, read from the `method(...)` of every method file.

    ConfigError where a file's rule, folder and registration have different names, or a knob is no literal.
    """
    return dict(_registrations())


def _registrations() -> list[tuple[str, dict[str, Any]]]:
    return [_registration(path) for path in sorted(METHODS.glob("*.smk"))]


def _registration(path: Path) -> tuple[str, dict[str, Any]]:
    text = path.read_text()
    call = _call(text)
    if call is None and "spec=method(" in text:
        raise ConfigError(f"{path}: Python cannot read method(...); a comma, quote or bracket may be missing")
    if call is None:
        raise ConfigError(f"{path} has no params entry spec=method(...); see docs/adding_a_method.md")
    try:
        (name,) = map(ast.literal_eval, call.args)
        knobs = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError:
        raise ConfigError(f"{path}: write literals in method(...), the name first") from None
    if not is_name(name):
        raise ConfigError(f"{path}: the method {name!r} has no name for rules and files; {RULE}")
    others = {kind: pattern.findall(text) for kind, pattern in _NAMES.items()}
    for kind, names in others.items():
        if names != [name]:
            raise ConfigError(f"{path} registers {name!r}, and its {kind} is {names}; write one name thrice")
    return name, knobs


def _call(text: str) -> ast.Call | None:
    """The registration in a method file: the shortest text from `method(` to a `)` that Python can parse."""
    for begun in _REGISTRATION.findall(text):
        for end in re.finditer(r"\)", begun):
            with suppress(SyntaxError):
                return cast(ast.Call, ast.parse(begun[: end.end()], mode="eval").body)
    return None
