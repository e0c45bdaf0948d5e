"""What all specs share: immutability, no unknown keys, the ranges of their numbers, and their recipe."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import to_jsonable_python

Value = TypeVar("Value")
_ONLY_ROUNDING = "only rounding"

# A probability is above 0, where 0 would leave nothing to draw or keep; a share may be 0.
Probability = Annotated[float, Field(gt=0, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]

Seed = Annotated[int, Field(ge=0)]


def distinct(values: Iterable[Value]) -> Iterable[Value]:
    """The values; ValueError if one stands twice."""
    seen = list[Value]()
    for value in values:
        if value in seen:
            raise ValueError(f"{value} stands twice; write it once")
        seen.append(value)
    return values


Distinct = Annotated[tuple[Value, ...], AfterValidator(distinct)]

# A field that changes no number of a job but by rounding, or none at all: it costs time or memory, or decides
# when the job stops. With another value of it a job that died goes on from where it was, and one that is
# finished is not made again.
OnlyRounding = Annotated[Value, _ONLY_ROUNDING]


class Spec(BaseModel):
    """Base of all specs: immutable, no unknown keys, no infinite number, which JSON could not say."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def recipe(self) -> dict[str, Any]:
        """What decides the numbers: all fields but those that are `OnlyRounding`, as data for JSON."""
        decisive = (n for n, field in type(self).model_fields.items() if _ONLY_ROUNDING not in field.metadata)
        return {name: _recipe(getattr(self, name)) for name in decisive}

    def recipe_sha256(self) -> str:
        """16 hex digits of sha256 over the recipe, whatever the order of its parts."""
        return hashlib.sha256(json.dumps(self.recipe(), sort_keys=True).encode()).hexdigest()[:16]


def _recipe(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.recipe()
    if isinstance(value, Mapping):
        return {name: _recipe(each) for name, each in value.items()}
    return to_jsonable_python(value)
