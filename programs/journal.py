"""Records of a long job, a JSON line each, written so that a killed job loses none.

While a job runs, `<out>.partial` takes each record the moment it is there, under a first line that says
what it belongs to, and which code worked on it. When all are there, `<out>` gets them in the order in which
they were asked for, beside `<out with .json>`, which says how they were made.
"""

import json
import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

from programs.errors import UserError
from programs.provenance import resumed_from, sessions

_NAME = ".jsonl"
_SOURCES = "sources"


def check_name(out: Path) -> None:
    """UserError unless `out` ends in `.jsonl`.

    Its `.json` and `.partial` lie beside it, and two names that differ in the ending alone would share them.
    """
    if out.suffix != _NAME:
        raise UserError(f"the records are JSON lines, and {out} is not named so; write --out {out}{_NAME}")


class Journal:
    """The records of one job: `records` holds those there are, by request; so does the file `partial`.

    Of two records that answer one request the later counts.
    """

    def __init__(
        self, out: Path, belongs_to: dict[str, Any], request_of: Callable[[dict[str, Any]], Hashable]
    ) -> None:
        """Read what an earlier job with the same `belongs_to` left behind, or start anew.

        `out` is a `.jsonl`, see `check_name`; `request_of` says which request a record answers.
        """
        self._out, self.partial, self._request_of = out, out.with_suffix(".partial"), request_of
        self.records: dict[Hashable, dict[str, Any]] = {}
        self._sources: list[str] = []  # of the sessions that left the records
        if out.exists():
            print(f"{out} is of an earlier job, and is replaced when this one ends", flush=True)
        header, *lines = _whole_lines(self.partial) or [""]
        found = json.loads(header or "{}")
        sources = found.pop(_SOURCES, [])
        if json.dumps(found) == json.dumps(belongs_to):
            self.records = {request_of(record): record for record in map(json.loads, lines)}
            self._sources = sources if lines else []
            print(f"resuming after {len(self.records)} responses", flush=True)
        else:
            if header:
                print(f"{self.partial} belongs to another spec or model: starting over", flush=True)
            lines = []
        header = json.dumps({**belongs_to, _SOURCES: sessions(self._sources)}) + "\n"
        # Rewriting drops a last line that was cut off in the middle.
        _replace(self.partial, [header, *lines])
        self._file = self.partial.open("a")

    def add(self, record: dict[str, Any]) -> None:
        """Keep a record. It outlives this process when this returns (flushed, not synced)."""
        self.records[self._request_of(record)] = record
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def finish(self, order: Iterable[Hashable], manifest: dict[str, Any]) -> None:
        """Write the records in order, and the manifest beside them; KeyError if one is missing.

        Sessions of other code, if any, are added to the manifest.
        """
        self._file.close()
        lines = [json.dumps(self.records[request]) + "\n" for request in order]
        stated = {**manifest, **resumed_from(self._sources)}
        _replace(self._out.with_suffix(".json"), [json.dumps(stated, indent=2) + "\n"])
        _replace(self._out, lines)
        self.partial.unlink()


def _whole_lines(path: Path) -> list[str]:
    """The lines of a file that were written to their end; none if there is no file."""
    if not path.exists():
        return []
    return [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def _replace(path: Path, lines: Sequence[str]) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(f"{path.name}.writing")
    with unfinished.open("w") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
