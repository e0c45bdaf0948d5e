"""Players that are no models: a floor (random), a ceiling (walkthrough) and a teacher (expert).

A policy is a pure function from a situation to a command, so nothing needs to be reset or replayed.
"""

import random
from collections.abc import Callable

from envs.alfworld.game import Game
from envs.alfworld.play import Situation
from envs.alfworld.policies.expert import expert
from programs.errors import UserError

Policy = Callable[[Situation], str]


def any_command(situation: Situation) -> str:
    """A uniform draw from the admissible commands, by the episode's seed, its game and the turn."""
    episode, history = situation.episode, situation.history
    draw = random.Random(f"{episode.seed} {episode.game.id} {len(history.exchanges)}")
    return draw.choice(history.admissible)


def next_of_witness(situation: Situation) -> str:
    """The next command of the game's witness, whatever the game has said; `look` once that is over."""
    plan, turn = witness_of(situation.episode.game), len(situation.history.exchanges)
    return plan[turn] if turn < len(plan) else "look"


def witness_of(game: Game) -> tuple[str, ...]:
    """The commands that win the game; UserError for one without: the official games have none."""
    if not game.witness:
        raise UserError(f"{game.id} has no witness plan: generated games have one, the official ones do not")
    return game.witness


POLICIES: dict[str, Policy] = {
    "expert": lambda situation: expert(situation.history),
    "random": any_command,
    "walkthrough": next_of_witness,
}
