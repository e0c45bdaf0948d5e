"""The compact form: one short, self-contained prompt per turn, for small vocabularies.

The prompt is a page of notes, taken from the observations for the player; the response is the command
alone. A model of a million parameters learns from it in minutes what it does not learn from whole
transcripts. The notes do part of the work, so results are not comparable with those of other protocols.
"""

from typing import Literal

from envs.alfworld.protocols.command import read
from envs.alfworld.protocols.history import History
from envs.alfworld.protocols.notes import Notes, take_notes
from envs.alfworld.protocols.protocol import Action, Protocol

_APPLIANCES = {"hot": "microwave", "heat": "microwave", "cool": "fridge", "clean": "sinkbasin"}


class Compact(Protocol):
    """One line per kind of note, words separated by spaces; `instruction`, if any, comes before them."""

    name: Literal["compact"] = "compact"
    instruction: str = ""

    def prompt(self, history: History) -> str:
        """The notes as lines that begin with `goal:`, `at:`, `see:`, `hold:`, `there:`, `known:`, `use:`,
        `left:` and, if nothing happened on the last command, `failed:`.

        `there` and `known` are the things that the goal names, as last seen: in a place that it names, too,
        and elsewhere. `use` are the places that it needs, `left` those whose inside was never seen.
        """
        notes = take_notes(history)
        there, known = sightings(notes)
        lines = {
            "goal": [notes.goal],
            "at": [notes.at, "closed" * notes.closed],
            "see": () if notes.closed else notes.contents.get(notes.at, ()),
            "hold": [_described(notes, notes.held)],
            "there": [f"{_described(notes, thing)} {place}" for thing, place in there],
            "known": [f"{_described(notes, thing)} {place}" for thing, place in known],
            "use": useful_places(notes),
            "left": [place for place in notes.places if place not in notes.contents],
        }
        if notes.failed:
            lines["failed"] = [notes.failed]
        written = [f"{label}: {' '.join(filter(None, words)) or 'nothing'}" for label, words in lines.items()]
        return "\n".join(filter(None, [self.instruction, *written]))

    def parse(self, response: str) -> Action:
        """The response in lower case with single spaces; valid if it is one of the engine's commands."""
        command = " ".join(response.lower().split())
        return Action(command, read(command) is not None)


def sightings(notes: Notes) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(thing, place) of things whose class the goal names: those in a place that it names too, and others."""
    named = notes.goal.split()
    seen = [(thing, place) for place, things in notes.contents.items() for thing in things]
    wanted = [(thing, place) for thing, place in seen if thing.split()[0] in named]
    there = [(thing, place) for thing, place in wanted if place.split()[0] in named]
    return there, [each for each in wanted if each not in there]


def useful_places(notes: Notes) -> list[str]:
    """Places whose class the goal names, and those that heat, cool or clean if it asks for that."""
    words = notes.goal.split()
    classes = {*words, *(_APPLIANCES[word] for word in words if word in _APPLIANCES)}
    return [place for place in notes.places if place.split()[0] in classes]


def _described(notes: Notes, thing: str) -> str:
    return " ".join(filter(None, [thing, notes.treated.get(thing)]))
