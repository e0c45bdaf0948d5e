"""Every key of every shipped config does something: another value changes the plan, or is refused."""

import copy
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from opd.spec import DistillSpec
from tests.workflows import seen as what_is_seen
from tests.workflows.seen import same, seen
from workflows.config.schema import Config
from workflows.explain import ConfigError
from workflows.plan import merge
from workflows.plan.values import read_yaml
from workflows.scale import CONFIG, ROOT, plan, read, scales

# Of any type, for keys that are null or have no value of their kind to be changed to.
ANY = (2, 0.5, True, "other", ["chain2"], [0, 7], {"rank": 4}, {})


def paths(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """The path of every leaf; of a study's rows, one of each kind stands for all."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        kinds = {str(index) if path[-1] != "rows" else nulls(row): index for index, row in enumerate(value)}
        for index in kinds.values():
            yield from paths(value[index], (*path, index))
    else:
        yield path


def nulls(row: dict) -> str:
    """Which keys of a row say nothing."""
    return " ".join(key for key in row if row[key] is None)


def at(config: Any, path: tuple) -> Any:
    for key in path:
        config = config[key]
    return config


def changed(config: dict, path: tuple, value: Any) -> dict:
    """The config with another value at a path; what is not on the path is shared."""
    copied = top = copy.copy(config)
    *parents, last = path
    for key in parents:
        copied[key] = copy.copy(copied[key])
        copied = copied[key]
    copied[last] = value
    return top


def whole(config: dict) -> dict:
    """The config with the default of every key that it leaves out."""
    optional = {name: field for name, field in DistillSpec.model_fields.items() if not field.is_required()}
    defaults = DistillSpec.model_construct(**{name: field.default for name, field in optional.items()})
    dumped = plan(config).config.model_dump(mode="json")
    return dumped | {
        "distill": merge(defaults.model_dump(mode="json", include=set(optional)), dumped["distill"])
    }


@cache
def written() -> dict[str, list[Any]]:
    """Key -> texts and lists that are written there in any scale, and what the schema lists."""
    found: dict[str, list[Any]] = {}
    for scale in scales():
        config = whole(read([CONFIG / f"{scale}.yaml"]))
        for path in paths(config):
            if isinstance(value := at(config, path), str | list):
                found.setdefault(str(path[-1]), []).append(value)
    for schema in (Config.model_json_schema(), DistillSpec.model_json_schema()):
        for part in [schema, *schema["$defs"].values()]:
            for key, of_key in part.get("properties", {}).items():
                found.setdefault(key, []).extend(choices(of_key))
    return found


def choices(schema: Any) -> list[str]:
    """The texts that a part of a JSON schema lists."""
    if isinstance(schema, list):
        return [text for part in schema for text in choices(part)]
    if not isinstance(schema, dict):
        return []
    listed = [text for text in schema.get("enum", []) if isinstance(text, str)]
    return listed + choices([part for key, part in schema.items() if key != "enum"])


def others(config: dict, key: str, value: Any) -> list[Any]:
    """Values to try, the likeliest to be valid first."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value * 2, value / 2 if isinstance(value, float) else value // 2, value + 1, 0.5]
    if isinstance(value, list):
        halves = [each / 2 for each in value if isinstance(each, float)]
        return [value[:-1], [*value, *value[:1]], halves, *written().get(key, ()), *ANY]
    kinds = ("models", "tasks", "experiments", "panels", "prompts")
    names = [name for kind in kinds for name in config.get(kind, ())]
    return [*written().get(key, ()), *names, *ANY]


def effect(config: dict, before: list[tuple], path: tuple) -> str:
    """`changes`; `nothing`, if no value that is accepted changes the plan; `refused`, if none is accepted."""
    value, found = at(config, path), "refused"
    for other in others(config, str(path[-1]), value):
        try:
            if not same(seen(plan(changed(config, path, other))), before):
                return "changes"
        except ConfigError:
            continue
        if other != value:
            found = "nothing"
    return found


def effects(config: dict, chosen: Iterator[tuple]) -> dict[str, str]:
    before = list(seen(plan(config)))
    return {".".join(map(str, path)): effect(config, before, path) for path in chosen}


def test_everything_that_rules_read_is_seen():
    rules = [ROOT / "Snakefile", *(ROOT / "workflows/rules").glob("*.smk")]
    read_by_rules = {
        (kind, name)
        for file in rules
        for kind, name in re.findall(r"(PLAN|REQUESTS)\.(\w+)", file.read_text())
    }
    text = Path(what_is_seen.__file__).read_text()
    found = {("PLAN", name) for name in re.findall(r"\bmade\.(\w+)", text)}
    found |= {("REQUESTS", name) for name in re.findall(r"\brequests\.(\w+)", text)}
    assert read_by_rules - found == set()


@pytest.mark.parametrize(
    "scale",
    [pytest.param(name, marks=[pytest.mark.slow] if name in ("mini", "paper") else []) for name in scales()],
)
def test_every_key_has_an_effect(scale):
    config = whole(read([CONFIG / f"{scale}.yaml"]))
    found = effects(config, paths(config))
    assert [key for key, done in found.items() if done == "nothing"] == []
    assert len(found) > 90


def test_every_key_of_an_overlay_has_an_effect():
    overlay = CONFIG / "paper_1gpu.yaml"
    found = effects(read([overlay]), paths(read_yaml(overlay)))
    assert [key for key, done in found.items() if done == "nothing"] == []


def test_a_key_without_effect_would_be_found():
    config = read([CONFIG / "smoke.yaml"])
    unused = copy.deepcopy(config["models"]["teacher"])
    config["models"] = config["models"] | {"unused": unused}
    chosen = iter([("models", "unused", "pretrain", "steps"), ("models", "teacher", "pretrain", "steps")])
    assert list(effects(config, chosen).values()) == ["nothing", "changes"]
