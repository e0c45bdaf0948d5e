"""A policy as a player of many games."""

from collections.abc import Sequence

from envs.alfworld.play import Move, Situation
from envs.alfworld.policies import policy
from envs.alfworld.protocols import Action


class PolicyPlayer:
    """A policy of `envs.alfworld.policies`, seeded by the episode's key."""

    def __init__(self, name: str) -> None:
        self._name = name

    def act(self, situations: Sequence[Situation]) -> list[Move]:
        """The policy's commands. Policies are functions of the history, so none is kept."""
        return [self._move(each) for each in situations]

    def _move(self, situation: Situation) -> Move:
        episode = situation.episode
        command = policy(self._name, episode.game, episode.seed).act(situation.history)
        return Move(Action(command, valid_format=True), command)
