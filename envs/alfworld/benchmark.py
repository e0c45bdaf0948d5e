"""Steps per CPU second of the engine, stock and accelerated, with a random policy in one process.

    python -m envs.alfworld.benchmark --source generated:tiny:2:0
    python -m envs.alfworld.benchmark --source DATA --split valid_unseen --games 12
    python -m envs.alfworld.benchmark --source DATA --split train --games 2000 --steps 15 --memory

CPU time is the worker's own, so other programs on the machine do not count. Prints a Markdown table:
of both engines' speed, or with `--memory` of two accelerated workers' memory as they play each game once.
"""

import argparse
import math
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from envs.alfworld.game import SPLITS, Game
from envs.alfworld.play import Episode, play
from envs.alfworld.policies import any_command
from envs.alfworld.policies.player import PolicyPlayer
from envs.alfworld.sources import load_games
from envs.alfworld.vector import AlfWorld
from programs.command_line import launch
from programs.progress import progress


@dataclass(frozen=True)
class Measurement:
    """Of one engine on some games: CPU seconds of all loads and of all steps, and the worker's memory."""

    games: int
    steps: int
    commands: float  # admissible per turn
    load_s: float
    step_s: float
    resident_mb: float


def measure(games: Sequence[Game], max_steps: int, accelerated: bool, passes: int = 1) -> Measurement:
    """Play each game `passes` times with a random policy, in one slot."""
    load_s = step_s = 0.0
    steps = commands = 0
    with AlfWorld(1, 1, max_steps, accelerated) as world:
        (pid,) = world.pids
        for game in list(games) * passes:
            draw = random.Random(game.id)
            start = cpu_seconds(pid)
            turn = world.reset({0: game})[0]
            loaded = cpu_seconds(pid)
            while not turn.done:
                turn = world.step({0: draw.choice(turn.admissible)})[0]
                commands += len(turn.admissible)
            steps += turn.step
            load_s += loaded - start
            step_s += cpu_seconds(pid) - loaded
        if world.faults:
            raise RuntimeError(f"the engine failed: {world.faults[0]}")
        memory = resident_mb(pid)
    return Measurement(len(games) * passes, steps, commands / steps, load_s, step_s, memory)


def memory(games: Sequence[Game], max_steps: int, slots: int = 16) -> list[dict]:
    """MB of two workers, which share the slots, after every tenth of the games, played in random order."""
    shuffled = random.Random(0).sample(games, len(games))
    episodes = [Episode("benchmark", game, 0, "memory") for game in shuffled]
    rows, part = [], math.ceil(len(games) / 10)
    with AlfWorld(slots, 2, max_steps) as world:
        ended = play(world, slots, episodes, PolicyPlayer(any_command))
        for number, _ in enumerate(progress(ended, total=len(games), desc="episodes"), 1):
            if number % part == 0:
                sizes = {f"worker {n} (MB)": resident_mb(pid) for n, pid in enumerate(world.pids)}
                rows.append({"episodes": number, **sizes, "faults": len(world.faults)})
    return rows


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, to 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def table(rows: dict[str, Measurement]) -> str:
    """A Markdown table, one line per engine; the speed-up is over the first."""
    return tabulate(list(_cells(rows)), headers="keys", tablefmt="github", floatfmt=".1f")


def _cells(rows: dict[str, Measurement]) -> Iterator[dict]:
    # Fewer steps than fit into a tick of the clock have no speed.
    speeds = {name: row.steps / row.step_s if row.step_s else math.nan for name, row in rows.items()}
    base = next(iter(speeds.values()))
    for name, row in rows.items():
        yield {
            "engine": name,
            "games": row.games,
            "steps": row.steps,
            "commands per turn": row.commands,
            "load (CPU ms)": 1000 * row.load_s / row.games,
            "step (CPU ms)": 1000 * row.step_s / row.steps,
            "steps per CPU s": speeds[name],
            "times": speeds[name] / base,
            "resident (MB)": row.resident_mb,
        }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both engines on the same games and print the table."""
    parser = argparse.ArgumentParser(description="Steps per CPU second, stock and accelerated.")
    parser.add_argument("--source", help="a tree, rows or generated:SIZE:PER_TYPE:SEED; else $ALFWORLD_DATA")
    parser.add_argument("--split", choices=SPLITS, default="valid_unseen")
    parser.add_argument("--games", type=int, default=12, help="spread over the split; default: %(default)s")
    parser.add_argument("--steps", type=int, default=50, help="per game; default: %(default)s")
    parser.add_argument("--memory", action="store_true", help="the workers' memory instead of their speed")
    options = parser.parse_args(arguments)
    if min(options.games, options.steps) < 1:
        parser.error("--games and --steps must be at least 1")
    games = load_games(options.source, options.split)
    some = games[:: max(1, len(games) // options.games)][: options.games]
    if options.memory:
        print(tabulate(memory(some, options.steps), headers="keys", tablefmt="github", floatfmt=".0f"))
        return
    engines = {"stock": False, "accelerated": True}
    print(table({name: measure(some, options.steps, fast) for name, fast in engines.items()}))


if __name__ == "__main__":
    launch(main)
