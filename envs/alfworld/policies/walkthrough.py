"""A player that was told the solution."""

from envs.alfworld.game import Game
from envs.alfworld.protocols.history import History
from programs.errors import UserError


class Walkthrough:
    """Plays a game's witness; UserError for a game without one: the official games have none."""

    def __init__(self, game: Game) -> None:
        if not game.witness:
            raise UserError(
                f"{game.id} has no witness plan: generated games have one, the official ones do not"
            )
        self._plan = game.witness

    def act(self, history: History) -> str:
        """The plan's next command, whatever the game has said; `look` once the plan is over."""
        turn = len(history.exchanges)
        return self._plan[turn] if turn < len(self._plan) else "look"
