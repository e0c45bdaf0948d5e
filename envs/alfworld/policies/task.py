"""The six kinds of task as their sentences state them."""

import re
from dataclasses import dataclass

from programs.errors import UserError


@dataclass(frozen=True)
class Task:
    """What to do with which class of thing; `place` is a class of furniture, or the lamp to look under."""

    verb: str
    thing: str
    place: str


_SENTENCES = {
    "look": (r"look at (\w+) under the (\w+)", r"examine the (\w+) with the (\w+)"),
    "two": (r"put two (\w+) in (\w+)", r"find two (\w+) and put them in (\w+)"),
    "clean": (r"put a clean (\w+) in (\w+)", r"clean some (\w+) and put it in (\w+)"),
    "heat": (r"put a hot (\w+) in (\w+)", r"heat some (\w+) and put it in (\w+)"),
    "cool": (r"put a cool (\w+) in (\w+)", r"cool some (\w+) and put it in (\w+)"),
    "put": (r"put a (\w+) in (\w+)", r"put some (\w+) on (\w+)"),
}


def read_task(sentence: str) -> Task:
    """The task in a goal sentence of ALFWorld's templates; UserError for any other sentence."""
    for verb, patterns in _SENTENCES.items():
        for pattern in patterns:
            if found := re.fullmatch(pattern, sentence.strip(" .")):
                return Task(verb, *found.groups())
    raise UserError(f"not a goal sentence of ALFWorld's templates: {sentence!r}")
