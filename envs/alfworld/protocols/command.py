"""The engine's commands as data: `take mug 1 from desk 2` is Command("take", "mug 1", "desk 2")."""

import re
from dataclasses import dataclass

ENTITY = re.compile(r"\b[a-z]+ \d+\b")
"""A thing's name: its class, one word, and its number."""

# How a command goes on after its first entity; None: it ends there.
_JOINED_BY = {
    "go to": None,
    "open": None,
    "close": None,
    "use": None,
    "examine": None,
    "take": "from",
    "move": "to",
    "heat": "with",
    "cool": "with",
    "clean": "with",
    "slice": "with",
}
_ALONE = ("look", "inventory", "help")


@dataclass(frozen=True)
class Command:
    """A verb and the things it is about, in the order of the text; empty where there is none."""

    verb: str
    first: str = ""
    second: str = ""


def _pattern(verb: str, joint: str | None) -> str:
    entity = ENTITY.pattern
    return f"({verb}) ({entity})" + (f" {joint} ({entity})" if joint else "")


_PATTERNS = [re.compile(_pattern(verb, joint)) for verb, joint in _JOINED_BY.items()]


def read(text: str) -> Command | None:
    """The command that `text` is, exactly; None if it is none that the engine knows in any game."""
    if text in _ALONE:
        return Command(text)
    matches = (pattern.fullmatch(text) for pattern in _PATTERNS)
    return next((Command(*match.groups()) for match in matches if match), None)
