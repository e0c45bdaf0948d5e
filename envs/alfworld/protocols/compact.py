"""The compact form: one short, self-contained prompt per turn, for small vocabularies.

The prompt is a page of notes, taken from the observations for the player; the response is the command
alone. A model of a million parameters learns from it in minutes what it does not learn from whole
transcripts. The notes do part of the work, so results are not comparable with those of other protocols.
"""

from typing import Literal

from envs.alfworld.household import TREATMENTS, Treatment
from envs.alfworld.protocols.command import read
from envs.alfworld.protocols.history import History
from envs.alfworld.protocols.notes import Notes, take_notes
from envs.alfworld.protocols.protocol import Action, Protocol

_ASKED_BY = {word: each for each in TREATMENTS for word in (each.verb, each.state)}


class Compact(Protocol):
    """One line per kind of note, words separated by spaces; `instruction`, if any, comes before them."""

    name: Literal["compact"] = "compact"
    instruction: str = ""

    def prompt(self, history: History) -> str:
        """The notes, a line each, as far as there is something to note.

        `goal`; `left`: other places whose inside was never seen; `use`: other places that the goal needs;
        `done`: things that are as and where it wants them; `known`: others of a class that it names, as last
        seen elsewhere; `failed`: the last command if nothing happened; `hold`: what is in hand; `here`: those
        at this place, or `closed`, and `useful` if the goal needs the place; `at`: its name. What matters
        most comes last, next to the response.
        """
        notes = take_notes(history)
        done, here, known = sightings(notes)
        useful = useful_places(notes)
        lines = {
            "goal": [notes.goal],
            "left": [place for place in notes.places if place not in (*notes.contents, notes.at)],
            "use": [place for place in useful if place != notes.at],
            "done": [f"{_described(notes, thing)} {place}" for thing, place in done],
            "known": [f"{_described(notes, thing)} {place}" for thing, place in known],
            "failed": [notes.failed],
            "hold": [_described(notes, notes.held)],
            "here": [*["closed"] * notes.closed, *(_described(notes, thing) for thing, _ in here)]
            + ["useful"] * (notes.at in useful),
            "at": [notes.at],
        }
        written = [f"{label}: {' '.join(words)}" for label, words in lines.items() if any(words)]
        return "\n".join(filter(None, [self.instruction, *written]))

    def parse(self, response: str) -> Action:
        """The response in lower case with single spaces; valid if it is one of the engine's commands."""
        command = " ".join(response.lower().split())
        return Action(command, read(command) is not None)


Sightings = list[tuple[str, str]]
"""(thing, place) as last seen."""


def sightings(notes: Notes) -> tuple[Sightings, Sightings, Sightings]:
    """Things whose class the goal names: those it wants nothing more of, others at hand, and elsewhere."""
    named = notes.goal.split()
    seen = [(thing, place) for place, things in notes.contents.items() for thing in things]
    wanted = [(thing, place) for thing, place in seen if thing.split()[0] in named]
    done = [each for each in wanted if each[1].split()[0] in named and _treated_enough(notes, each[0])]
    here = [each for each in wanted if each[1] == notes.at and not notes.closed and each not in done]
    return done, here, [each for each in wanted if each not in done + here]


def useful_places(notes: Notes) -> list[str]:
    """Places whose class the goal names, and the appliance if it asks for one."""
    classes, treatment = set(notes.goal.split()), _treatment(notes)
    if treatment is not None:
        classes.add(treatment.appliance.lower())
    return [place for place in notes.places if place.split()[0] in classes]


def _treatment(notes: Notes) -> Treatment | None:
    """What the goal wants done with its thing, if anything."""
    return next((_ASKED_BY[word] for word in notes.goal.split() if word in _ASKED_BY), None)


def _treated_enough(notes: Notes, thing: str) -> bool:
    treatment = _treatment(notes)
    return treatment is None or treatment.state in notes.treated.get(thing, ())


def _described(notes: Notes, thing: str) -> str:
    return " ".join([thing, *notes.treated.get(thing, ())])
