"""A policy as a player of many games."""

from collections.abc import Sequence

from envs.alfworld.play import Move, Situation
from envs.alfworld.policies import Policy
from envs.alfworld.protocols import Action


class PolicyPlayer:
    """Plays a policy's commands."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def act(self, situations: Sequence[Situation]) -> list[Move]:
        """A move per situation."""
        commands = map(self._policy, situations)
        return [Move(Action(command, valid_format=True), command) for command in commands]
