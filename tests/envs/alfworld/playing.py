"""Play games with a policy that depends on the game alone."""

import random
from collections.abc import Sequence

from envs.alfworld.game import Game
from envs.alfworld.vector import AlfWorld, Turn


def random_episodes(world: AlfWorld, games: Sequence[Game], slots: Sequence[int]) -> dict[str, list[Turn]]:
    """Every turn of each game, game i in slot i of `slots`, each on admissible commands drawn by its id."""
    draws = {slot: random.Random(game.id) for slot, game in zip(slots, games, strict=True)}
    turns = {slot: [turn] for slot, turn in world.reset(dict(zip(slots, games, strict=True))).items()}
    while going := [slot for slot in slots if not turns[slot][-1].done]:
        commands = {slot: draws[slot].choice(turns[slot][-1].admissible) for slot in going}
        for slot, turn in world.step(commands).items():
            turns[slot].append(turn)
    return {game.id: turns[slot] for slot, game in zip(slots, games, strict=True)}


def witnessed(world: AlfWorld, games: Sequence[Game]) -> dict[str, Turn]:
    """The last turn of each game when its witness is played, game i in slot i."""
    turns = world.reset(dict(enumerate(games)))
    for number in range(max(len(game.witness or ()) for game in games)):
        commands = {
            slot: game.witness[number]
            for slot, game in enumerate(games)
            if game.witness and number < len(game.witness) and not turns[slot].done
        }
        turns |= world.step(commands)
    return {game.id: turns[slot] for slot, game in enumerate(games)}
