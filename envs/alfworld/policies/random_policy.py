"""A player without a plan: the floor of every table."""

import random

from envs.alfworld.game import Game
from envs.alfworld.protocols.history import History


class RandomPolicy:
    """Any admissible command, all alike; the draws depend on the seed, the game and the turn only."""

    def __init__(self, game: Game, seed: int) -> None:
        self._key = f"{seed} {game.id}"

    def act(self, history: History) -> str:
        """A uniform draw from the admissible commands."""
        draw = random.Random(f"{self._key} {len(history.exchanges)}")
        return draw.choice(history.admissible)
