"""What has happened in an episode, as far as its player may know."""

import re
from dataclasses import dataclass, replace

_TASK = re.compile(r"your task is to:\s*(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Exchange:
    """A command and the engine's answer to it."""

    command: str
    observation: str


@dataclass(frozen=True)
class History:
    """An episode up to now: its first observation, what followed, and the commands admissible now."""

    task_type: str
    opening: str
    admissible: tuple[str, ...]
    exchanges: tuple[Exchange, ...] = ()

    @property
    def observation(self) -> str:
        """The latest observation."""
        return self.exchanges[-1].observation if self.exchanges else self.opening

    @property
    def task(self) -> str:
        """The goal in words: what follows "Your task is to:" in the opening; empty if it has none."""
        found = _TASK.search(self.opening)
        return found[1].strip() if found else ""

    def then(self, command: str, observation: str, admissible: tuple[str, ...]) -> "History":
        """The history one turn later."""
        exchanges = (*self.exchanges, Exchange(command, observation))
        return replace(self, admissible=admissible, exchanges=exchanges)
