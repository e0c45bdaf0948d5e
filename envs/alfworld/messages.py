"""What a worker is asked, and what it answers. Imports nothing of the engine."""

from typing import Literal, NamedTuple

# The engine as installed; accelerated; or accelerated after a comparison of the two on one game.
Kind = Literal["stock", "accelerated", "checked"]


class Load(NamedTuple):
    """Begin a game in a slot."""

    slot: int
    problem: str
    grammar: str


class Step(NamedTuple):
    """Give a command to the game in a slot."""

    slot: int
    command: str


class State(NamedTuple):
    """What the engine says: its text, the commands it would take (sorted), and if the task is done."""

    observation: str
    admissible: tuple[str, ...]
    won: bool
