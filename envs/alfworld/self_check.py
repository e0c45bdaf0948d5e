"""Whether the accelerated engine is the stock one, word for word, with the packages installed here."""

from itertools import zip_longest

from envs.alfworld import acceleration, rules
from envs.alfworld.engine import Engine
from envs.alfworld.game import Game
from envs.alfworld.generator.generate import draw_game
from envs.alfworld.messages import State

_SEED = 0


def accelerate_checked(engine: Engine) -> None:
    """Play a generated game, switch the acceleration on, play it again. RuntimeError if the two differ."""
    game = draw_game("tiny", "pick_heat_then_place_in_recep", _SEED, "train", 0)
    stock = play(engine, game)
    acceleration.switch_on()
    for number, (before, after) in enumerate(zip_longest(stock, play(engine, game))):
        if before != after:
            raise RuntimeError(
                f"the accelerated engine gives {after} where the stock one gives {before} (turn {number});"
                " these versions need accelerated=False"
            )


def play(engine: Engine, game: Game) -> list[State]:
    """Every state of the game's witness, with a look around and into the hands after each command."""
    assert game.witness is not None
    commands = [each for command in game.witness for each in (command, "look", "inventory")]
    first = engine.load(game.problem, rules.grammar(game.goal))
    return [first, *(engine.step(command) for command in commands)]
