"""What plays a game: a command for each history of it."""

from typing import Protocol

from envs.alfworld.protocols.history import History


class Policy(Protocol):
    """A player of one game. A pure function of the history, so nothing needs to be reset or replayed."""

    def act(self, history: History) -> str:
        """The next command."""
        ...
