"""What a protocol is: how an episode is put to a model, and how its response is read."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from string import Formatter

from pydantic import BaseModel, ConfigDict

from envs.alfworld.protocols.history import History


@dataclass(frozen=True)
class Action:
    """What a response says: the command for the engine, and whether it kept to the protocol's form.

    `thought`: it only thinks aloud. That costs a turn, but is no attempt at a command.
    """

    command: str
    valid_format: bool
    thought: bool = False


class Protocol(BaseModel, ABC):
    """A spec and its two pure functions. Every word of a prompt that is not the engine's is a field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @abstractmethod
    def prompt(self, history: History) -> str:
        """The user message of the next turn."""

    @abstractmethod
    def parse(self, response: str) -> Action:
        """The action in a response. Never raises: what cannot be read is still sent to the engine."""


def check_template(template: str, fields: tuple[str, ...]) -> str:
    """The template, after checking that `str.format` can fill it from these fields; ValueError if not."""
    try:
        used = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise ValueError(f"{error}; write {{{{ and }}}} for literal braces") from error
    if unknown := sorted(used - set(fields)):
        raise ValueError(f"unknown fields {', '.join(unknown)}; known: {', '.join(fields)}")
    return template
