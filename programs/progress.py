"""How far a long step is, with its rate and the time that is left."""

import sys
from typing import Any

from tqdm import tqdm

_SECONDS = 60.0  # between two lines of a log


class _Log(tqdm):
    """A bar for a file, which keeps all that is written: a line per minute, none in the first."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, mininterval=_SECONDS, delay=_SECONDS, miniters=1, ncols=100, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Write the line, and nothing to take an earlier one away."""
        if msg is None:
            self.fp.write(f"{self}\n")


def progress(*arguments: Any, **options: Any) -> tqdm:
    """tqdm's bar on a terminal; in a job's log, which Snakemake names when it starts the job, lines."""
    return (tqdm if sys.stderr.isatty() else _Log)(*arguments, **options)
