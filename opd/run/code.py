"""Which code decides a run's numbers: a run that was interrupted does not go on with another.

Its hash is in the run's manifest, and a table names the runs that today's code would not have made so.
"""

from pathlib import Path

from programs.imports import sources
from programs.provenance import ROOT, hash_of

# Checkpoints, trackers and the table of GPUs change no number; specs are compared as data, not as code.
_NO_NUMBERS = ("opd/spec/", "opd/run/", "opd/plan/", "programs/")
_NUMBERS = "programs/instructions.py"  # which the CPU may use: sums of other widths are rounded otherwise


def training_code(program: str) -> list[Path]:
    """The files that a program is made of, environments and graders among them, but for `_NO_NUMBERS`.

    Traces of a warm start are data: a run knows their hash, whatever code wrote them.
    """
    files = sources(program)
    return [ROOT / file for file in files if file == _NUMBERS or not file.startswith(_NO_NUMBERS)]


def code_hash(program: str) -> str:
    """A hash of these files, by their paths and contents."""
    return hash_of(ROOT, training_code(program))
