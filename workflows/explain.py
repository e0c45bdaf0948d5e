"""Validation errors as sentences that say what to write instead."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from programs.errors import UserError

M = TypeVar("M", bound=BaseModel)
# What pydantic says of Python's types, in terms of the file.
_IN_YAML = {
    "tuple_type": "write a list, such as [a, b]",
    "too_short": "write a list with more entries",
    "dict_type": "write KEY: VALUE lines",
    "model_type": "write KEY: VALUE lines",
}


class ConfigError(UserError):
    """A config that cannot be run; the message names every problem."""


def check(model: type[M], data: object, place: str) -> M:
    """`data` as a `model`; ConfigError with one sentence per problem, each beginning with `place`."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        sentences = [_sentence(model, data, problem) for problem in error.errors()]
        raise ConfigError("\n".join(f"{place}: {sentence}" for sentence in sentences)) from None


def _sentence(model: type[BaseModel], data: object, problem: ErrorDetails) -> str:
    path = _path(data, problem["loc"])
    if problem["type"] == "extra_forbidden":
        *parents, key = problem["loc"]
        return f"{path} is not a known key; {among(str(key), _keys(model, parents))}"
    if problem["type"] == "missing":
        return f"{path} is missing; add it"
    place = f"{path}: " if path else ""
    found = f" (found {problem['input']!r})" if isinstance(problem["input"], str | int | float | None) else ""
    message = _IN_YAML.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    return f"{place}{message}{found}"


def _path(data: Any, loc: tuple[int | str, ...]) -> str:
    """Where in the data a problem is, entries of lists by their name or label if they have one."""
    parts = []
    for part in loc:
        if part == "[key]":
            continue
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            data = None
        named = isinstance(part, int) and isinstance(data, Mapping)
        parts.append(str(data.get("name", data.get("label", part)) if named else part))
    return ".".join(parts)


def among(name: str, known: Iterable[str]) -> str:
    """What is known, and what of it a name that is not was probably meant to be."""
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return (f"did you mean {close[0]!r}? " if close else "") + f"Known here: {', '.join(sorted(known))}"


def _keys(model: type[BaseModel], parents: list) -> list[str]:
    """Keys that are allowed where the path of parent keys leads."""
    for parent in parents:
        field = model.model_fields.get(parent) if isinstance(parent, str) else None
        if field is not None:
            model = inner_model(field.annotation) or model
    return list(model.model_fields)


def inner_model(annotation: object) -> type[BaseModel] | None:
    """The model inside `M`, `M | None`, `tuple[M, ...]` or `dict[str, M]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (inner_model(part) for part in get_args(annotation))
    return next((model for model in found if model), None)
