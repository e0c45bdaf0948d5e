"""A scripted player that sees what a model sees: observations and admissible commands.

It searches where the thing is most likely to be, remembers what it saw on the way, and does what the task
says. Its wishes come in order of preference; the first that the game admits is its command.
"""

from collections.abc import Iterator

from envs.alfworld.household import TREATMENTS
from envs.alfworld.policies.search_order import likelihood
from envs.alfworld.policies.task import Task, read_task
from envs.alfworld.protocols.command import read
from envs.alfworld.protocols.history import History
from envs.alfworld.protocols.notes import Notes, take_notes

_TREATMENTS = {each.verb: each for each in TREATMENTS}


def expert(history: History) -> str:
    """The next command in any of the six task types and any grammar; `look` when nothing is left to try.

    UserError on a goal that is not one of the templates'.
    """
    task, notes = read_task(history.task), take_notes(history)
    wishes = _wishes(task, notes, history.admissible)
    return next((wish for wish in wishes if wish in history.admissible), "look")


def _wishes(task: Task, notes: Notes, admissible: tuple[str, ...]) -> Iterator[str]:
    """The commands that would help, the best first."""
    if not notes.held:
        return _empty_handed(task, notes, admissible)
    return _holding(task, notes) if kind(notes.held) == task.thing else _put_down(notes)


def _put_down(notes: Notes) -> Iterator[str]:
    """Where to leave a thing that the task has no use for, taken by mistake: here, else at the next place."""
    places = [*filter(None, [notes.at]), *notes.places]
    yield from (f"move {notes.held} to {place}" for place in places)
    for place in places:
        yield from _reach(place)


def _holding(task: Task, notes: Notes) -> Iterator[str]:
    """What to do with a thing of the task's class."""
    held, treatment = notes.held, _TREATMENTS.get(task.verb)
    if treatment and treatment.state not in notes.treated.get(held, ()):
        for place in _places(notes, treatment.appliance.lower()):
            yield f"{task.verb} {held} with {place}"
            yield f"go to {place}"
    elif task.verb == "look":
        yield from _light(task, notes)
    else:
        for place in _destinations(task, notes):
            yield f"move {held} to {place}"
            yield from _reach(place)


def _light(task: Task, notes: Notes) -> Iterator[str]:
    """Use a lamp at hand, go to one seen before, or find one."""
    yield from (f"use {task.place} {number}" for number in range(1, 10))
    for place, things in notes.contents.items():
        if any(kind(thing) == task.place for thing in things):
            yield from _reach(place)
    yield from _search(task.place, notes, avoided="")


def _empty_handed(task: Task, notes: Notes, admissible: tuple[str, ...]) -> Iterator[str]:
    """How to come by a thing of the task's class.

    One in the destination stays there, unless it has to be cleaned, heated or cooled, or carried to a lamp.
    """
    avoided = task.place if task.verb in ("put", "two") else ""
    within_reach = (read(command) for command in admissible if command.startswith(f"take {task.thing} "))
    seen = [(take.first, take.second) for take in within_reach if take]
    seen += [(thing, place) for place, things in notes.contents.items() for thing in things]
    for thing, place in seen:
        if kind(thing) == task.thing and kind(place) != avoided:
            yield f"take {thing} from {place}"
            yield from _reach(place)
    yield from _search(task.thing, notes, avoided)


def _search(thing: str, notes: Notes, avoided: str) -> Iterator[str]:
    """Places not seen yet: those within reach that may hold it, then all others, the likeliest first."""
    unseen = [place for place in notes.places if place not in notes.contents]
    unseen.sort(key=lambda place: (kind(place) == avoided, -likelihood(thing, kind(place))))
    yield from (f"open {place}" for place in unseen if likelihood(thing, kind(place)) or place == notes.at)
    for place in unseen:
        yield from _reach(place)
        yield f"examine {place}"


def _destinations(task: Task, notes: Notes) -> list[str]:
    """Where to put it: where most of its class are already, then where it is open, then the first."""

    def preference(place: str) -> tuple[int, bool]:
        there = notes.contents.get(place, ())
        return -sum(kind(thing) == task.thing for thing in there), place not in notes.contents

    return sorted(_places(notes, task.place), key=preference)


def _places(notes: Notes, wanted: str) -> list[str]:
    return [place for place in notes.places if kind(place) == wanted]


def _reach(place: str) -> Iterator[str]:
    """Open what stands here closed, else go there."""
    yield f"open {place}"
    yield f"go to {place}"


def kind(entity: str) -> str:
    """`drawer 3` is a drawer."""
    return entity.split()[0]
