"""Proof that a game can be won: its witness plan, played in the engine."""

from collections.abc import Sequence

from envs.alfworld.game import Game
from envs.alfworld.vector import AlfWorld, Turn


def verify(games: Sequence[Game], world: AlfWorld, slots: int) -> None:
    """Play every game's witness, `slots` games at a time; ValueError names those that it did not win.

    `world` allows as many steps as the longest witness has.
    """
    failed: list[str] = []
    for first in range(0, len(games), slots):
        batch = dict(enumerate(games[first : first + slots]))
        failed += [f"{game.id}: {_report(turn)}" for game, turn in _play(batch, world) if not turn.won]
    if failed:
        raise ValueError("\n".join(["games that their witness does not win:", *failed]))


def _play(batch: dict[int, Game], world: AlfWorld) -> list[tuple[Game, Turn]]:
    """Each game with its last turn. A game that ends before its plan does goes no further."""
    turns = world.reset(batch)
    for step in range(max(len(game.witness or ()) for game in batch.values())):
        plans = {slot: game.witness or () for slot, game in batch.items() if not turns[slot].done}
        turns |= world.step({slot: plan[step] for slot, plan in plans.items() if step < len(plan)})
    return [(game, turns[slot]) for slot, game in batch.items()]


def _report(turn: Turn) -> str:
    return turn.error or f"after {turn.step} commands: {turn.observation}"
