"""Write the games of any source in another form: as compact rows, or as folders for alfworld itself.

    python -m envs.alfworld.convert SOURCE OUT.jsonl.xz      rows, packed
    python -m envs.alfworld.convert SOURCE OUT               a tree, the folder for $ALFWORLD_DATA

OUT becomes rows if its name ends in .jsonl or .jsonl.xz, else a tree.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from envs.alfworld.game import SPLITS
from envs.alfworld.rows import write_rows
from envs.alfworld.sources import load_games
from envs.alfworld.tree import write_tree
from programs.command_line import launch


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line above."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="a tree, rows, or generated:SIZE:PER_TYPE:SEED")
    parser.add_argument("out", type=Path)
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=SPLITS)
    options = parser.parse_args(arguments)
    games = [game for split in options.splits for game in load_games(options.source, split)]
    write = write_rows if options.out.name.endswith((".jsonl", ".jsonl.xz")) else write_tree
    write(options.out, games)
    print(f"{len(games)} games in {options.out}")


if __name__ == "__main__":
    launch(main)
