"""What scales and their parts may be called: the names become folders, targets and options."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator

RULE = "write a name of lower-case letters, digits and _"

Base = Literal["smoke", "mini", "small", "paper"]
"""The scales that stand on their own, and that the ablations have values for."""

Mention = tuple[str, Literal["model", "task", "experiment", "panel", "prompt"], str]
"""(place, kind, name): where a config names what it should define, and what."""


def is_name(text: str) -> bool:
    """Whether something may be called so."""
    return re.fullmatch(r"[a-z0-9_]+", text) is not None


def _named(text: str) -> str:
    if not is_name(text):
        raise ValueError(RULE)
    return text


Name = Annotated[str, AfterValidator(_named)]
