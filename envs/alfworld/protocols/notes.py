"""The book that a careful player keeps: what it knows, from observations and commands alone.

Read are only names of things, the word `closed`, where the task begins, and that nothing happened, so it
works with the standard grammar and with terser ones.
"""

from dataclasses import dataclass, field, replace

from envs.alfworld.household import TREATMENTS
from envs.alfworld.protocols.command import ENTITY, read
from envs.alfworld.protocols.history import Exchange, History

_TREATED = {each.verb: each.state for each in TREATMENTS}
_NO_COMMAND = "nothing"


@dataclass(frozen=True)
class Notes:
    """What is known after some turns.

    `contents` maps a place to what was in it when last seen, and has no places whose inside was never
    seen; `treated` maps an object to what it has been made and still is: clean, and hot or cool;
    `failed` is the last command if nothing happened, "nothing" if it was no command.
    """

    goal: str
    places: tuple[str, ...]
    at: str = ""
    closed: bool = False
    held: str = ""
    contents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    treated: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failed: str = ""


def take_notes(history: History) -> Notes:
    """The notes after all that has happened."""
    opening = history.opening.lower()
    scene = opening[: opening.find("your task is to")]
    notes = Notes(history.task.lower().strip(" ."), tuple(dict.fromkeys(ENTITY.findall(scene))))
    for exchange in history.exchanges:
        notes = note(notes, exchange)
    return notes


def note(notes: Notes, exchange: Exchange) -> Notes:
    """The notes one turn later."""
    command, text = read(exchange.command), exchange.observation.lower()
    if command is None or "nothing happens" in text:
        return replace(notes, failed=exchange.command if command else _NO_COMMAND)
    notes, first, second = replace(notes, failed=""), command.first, command.second
    match command.verb:
        case "go to" | "open":
            return _arrive(notes, first, text)
        case "examine" if first in notes.places:
            return _arrive(notes, first, text)
        case "close":
            return replace(notes, at=first, closed=True)
        case "take":
            left = tuple(each for each in notes.contents.get(second, ()) if each != first)
            return replace(_see(notes, second, left), held=first)
        case "move":
            filled = (*notes.contents.get(second, ()), first)
            return replace(_see(notes, second, filled), held="")
        case verb if verb in _TREATED:
            states = _treated(notes.treated.get(first, ()), _TREATED[verb])
            return replace(notes, treated={**notes.treated, first: states})
    return notes


def _treated(states: tuple[str, ...], new: str) -> tuple[str, ...]:
    """A thing's states after another treatment: what is hot is cool no more, what is clean stays so."""
    kept = [each for each in states if new == "clean" or each == "clean"]
    return tuple(dict.fromkeys([*kept, new]))


def _arrive(notes: Notes, place: str, text: str) -> Notes:
    """Before a place: its contents are seen unless it is closed."""
    if "closed" in text:
        return replace(notes, at=place, closed=True)
    return _see(notes, place, tuple(name for name in dict.fromkeys(ENTITY.findall(text)) if name != place))


def _see(notes: Notes, place: str, things: tuple[str, ...]) -> Notes:
    """Before an open place with these things."""
    return replace(notes, at=place, closed=False, contents={**notes.contents, place: things})
