"""Histories written by hand."""

from envs.alfworld.protocols import History


def history(task, places, *exchanges, admissible=()):
    """An opening with these places, then (command, observation) each; `admissible` after every one."""
    opening = f"room: {', '.join(places)}.\nYour task is to: {task}."
    told = History("", opening, tuple(f"go to {place}" for place in places))
    for command, observation in exchanges:
        told = told.then(command, observation, tuple(admissible))
    return told
