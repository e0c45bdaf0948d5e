"""Show how ALFWorld is played: the scripted expert's command at every turn of every game of a panel.

    python -m envs.alfworld.demonstrations --panel panel.jsonl --out demonstrations.jsonl [--slip-rate 0.2]

The first line states how they were made, each other line is a turn: game, task_type, prompt, command.

At some turns, --slip-rate of them, a slip is played in place of the expert's command. Half of the time it is
drawn from all admissible commands, and so now and then is the expert's own; else it is a plausible one that
the game does not admit, or again an admissible one while no thing has been seen: some 60 % are admissible in
tiny games. The command of the line stays the expert's, so a learner sees mistakes and how to go on after
them, and none to copy. The same options give the same bytes.
"""

import argparse
import json
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from envs.alfworld.panel import Panel, read_panel
from envs.alfworld.play import Played, Situation, episodes, play
from envs.alfworld.policies.expert import expert
from envs.alfworld.policies.player import PolicyPlayer
from envs.alfworld.protocols import NAMES, Action, History, Protocol, load
from envs.alfworld.protocols.notes import take_notes
from envs.alfworld.rows import read_stated, write_text
from envs.alfworld.vector import AlfWorld
from programs.command_line import launch
from programs.errors import UserError
from programs.progress import progress

_SLOTS = 16  # games at once; changes nothing


@dataclass(frozen=True)
class Demonstration:
    """One turn: what a player is shown, and the expert's command."""

    game: str
    task_type: str
    prompt: str
    command: str


def slipping_expert(slip_rate: float, situation: Situation) -> str:
    """The expert's command, or a slip at `slip_rate` of the turns, drawn by the episode's key."""
    history = situation.history
    draw = random.Random(f"{situation.episode.key}/{len(history.exchanges)}")
    return slip(history, draw) if draw.random() < slip_rate else expert(history)


def slip(history: History, draw: random.Random) -> str:
    """A command to recover from: half are admissible, half name things and places at hand in vain.

    Where no thing has been seen, all are admissible.
    """
    notes = take_notes(history)
    things = [thing for held in notes.contents.values() for thing in held]
    things += [notes.held] if notes.held else []
    if not things or draw.random() < 0.5:
        return draw.choice(history.admissible)
    thing, place = draw.choice(things), draw.choice(notes.places)
    commands = [f"{verb} {thing} with {place}" for verb in ("heat", "cool", "clean")]
    commands += [f"take {thing} from {place}", f"move {thing} to {place}", f"use {thing}"]
    commands += [f"go to {place}", f"open {place}"]
    return draw.choice([command for command in commands if command not in history.admissible])


def demonstrate(
    panel: Panel, protocol: Protocol, slip_rate: float, seed: int, max_steps: int, processes: int
) -> list[Demonstration]:
    """All turns of all games, in the panel's order, each game played once.

    UserError for a protocol whose response is more than a command; RuntimeError if the engine fails.
    """
    check(protocol)
    asked = episodes(panel, 1, f"demonstrations/{seed}")
    shown: dict[str, list[Demonstration]] = {}
    player = PolicyPlayer(partial(slipping_expert, slip_rate))
    with (
        AlfWorld(_SLOTS, processes, max_steps) as world,
        progress(total=len(asked), desc="demonstrations", unit="game") as bar,
    ):
        for played in play(world, _SLOTS, asked, player):
            shown[played.situation.episode.game.id] = turns(played, protocol)
            bar.update()
    return [turn for game in panel.games for turn in shown[game.id]]


def check(protocol: Protocol) -> None:
    """UserError unless the protocol's response may be the bare command."""
    if protocol.parse("look") != Action("look", valid_format=True):
        raise UserError(
            f"a response of {type(protocol).__name__} is more than a command, and the expert writes nothing "
            f"else; use compact"
        )


def turns(played: Played, protocol: Protocol) -> list[Demonstration]:
    """An episode's turns with the expert's commands, whatever was played instead."""
    game, error = played.situation.episode.game, played.situation.turn.error
    if error is not None:
        raise RuntimeError(f"ALFWorld's engine failed in {game.id}: {error}")
    return [
        Demonstration(game.id, game.task_type, protocol.prompt(history), expert(history))
        for history in played.histories
    ]


def write_demonstrations(path: Path, shown: Sequence[Demonstration], statement: dict[str, Any]) -> None:
    """Write the statement, then the turns, one per line."""
    write_text(path, "".join(json.dumps(line) + "\n" for line in (statement, *map(asdict, shown))))


def read_demonstrations(path: Path) -> tuple[list[Demonstration], Protocol]:
    """The turns of a file, and the protocol of their prompts. UserError if it is another kind of file."""
    stated, rows = read_stated(path)
    if "demonstrations" not in stated:
        raise UserError(f"{path} is no file of demonstrations: see python -m envs.alfworld.demonstrations -h")
    if len(rows) != stated["demonstrations"]:
        raise UserError(f"{path} states {stated['demonstrations']} demonstrations and holds {len(rows)}")
    return [Demonstration(**json.loads(row)) for row in rows], load(stated["protocol"])


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line above."""
    options = _parser().parse_args(arguments)
    panel, protocol = read_panel(options.panel), load({"name": options.protocol})
    asked = {name: getattr(options, name) for name in ("slip_rate", "seed", "max_steps")}
    shown = demonstrate(panel, protocol, processes=options.processes, **asked)
    stated = {"demonstrations": len(shown), "protocol": protocol.model_dump(), **asked, **panel.statement()}
    write_demonstrations(options.out, shown, stated)
    print(f"{len(shown)} turns of {len(panel.games)} games in {options.out}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--panel", type=Path, required=True, help="games, made by envs.alfworld.panel")
    parser.add_argument("--out", type=Path, required=True, help="file to write; packed if it ends in .xz")
    parser.add_argument("--protocol", choices=NAMES, default="compact", help="(%(default)s)")
    parser.add_argument("--slip-rate", type=_share, default=0.2, help="share of slips (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the slips (%(default)s)")
    parser.add_argument("--max-steps", type=int, default=30, help="turns per game (%(default)s)")
    parser.add_argument("--processes", type=int, default=1, help="engine processes (%(default)s)")
    return parser


def _share(text: str) -> float:
    with suppress(ValueError):
        if 0 <= (share := float(text)) <= 1:
            return share
    raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")


if __name__ == "__main__":
    launch(main)
