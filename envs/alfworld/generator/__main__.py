"""Generate games, prove in the engine that each can be won, and write them as rows.

python -m envs.alfworld.generator --size tiny --per-type 10 --seed 0 --split valid_unseen --out games.jsonl
"""

import argparse
from pathlib import Path

from envs.alfworld.game import SPLITS
from envs.alfworld.generator.generate import generate
from envs.alfworld.generator.scene import SIZES
from envs.alfworld.generator.verify import verify
from envs.alfworld.rows import write_rows
from envs.alfworld.vector import AlfWorld
from programs.command_line import launch

SLOTS = 8  # one engine object each


def main() -> None:
    """The command line above."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--per-type", type=int, required=True, help="games of each of the six task types")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--split", choices=SPLITS, required=True)
    parser.add_argument("--out", type=Path, required=True, help="rows, one JSON object per line")
    parser.add_argument("--processes", type=int, default=2, help="engine processes, for the proof")
    options = parser.parse_args()
    games = generate(options.size, options.per_type, options.seed, options.split)
    longest = max(len(game.witness or ()) for game in games)
    with AlfWorld(SLOTS, options.processes, max_steps=longest) as world:
        verify(games, world, SLOTS)
    write_rows(options.out, games)


if __name__ == "__main__":
    launch(main)
