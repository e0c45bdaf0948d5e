"""Protocols: how an ALFWorld episode is put to a model as text, and how its text becomes a command.

Apart from the engine and from models: `prompt(history)` and `parse(response)` are pure functions.
`load` is the only lookup; a protocol is its own spec, so every template is a config value.
"""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from envs.alfworld.protocols.compact import Compact
from envs.alfworld.protocols.history import Exchange, History
from envs.alfworld.protocols.protocol import Action, Protocol
from envs.alfworld.protocols.react import React
from envs.alfworld.protocols.verl_agent import VerlAgent

ProtocolConfig = Annotated[VerlAgent | React | Compact, Field(discriminator="name")]
"""Any protocol, as a field of a spec."""

NAMES = ("verl_agent", "react", "compact")


def load(config: dict[str, Any]) -> Protocol:
    """The protocol of a config: its `name` and whatever differs from the defaults; ValidationError else."""
    return TypeAdapter(ProtocolConfig).validate_python(config)


__all__ = [
    "NAMES",
    "Action",
    "Compact",
    "Exchange",
    "History",
    "Protocol",
    "ProtocolConfig",
    "React",
    "VerlAgent",
    "load",
]
