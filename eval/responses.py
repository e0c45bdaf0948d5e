"""The responses file: one JSON record per response, written so that a killed job loses none.

While a job runs, `<out>.partial` takes each response the moment it is there, under a first line that
says what it belongs to. When all are there, `<out>` gets them in the order in which they were asked
for, beside `<out with .json>`, which says how they were made.
"""

import json
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from opd.errors import UserError

# A coincidence less probable than exp(-20), two in a billion, is none.
_NO_COINCIDENCE_NATS = -20.0

Request = tuple[str, str, str, int]  # protocol, suite, problem, sample


def request_of(record: dict[str, Any]) -> Request:
    """What a record answers."""
    return record["protocol"], record["suite"], record["problem"], record["sample"]


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of a JSON Lines file."""
    with path.open() as file:  # not splitlines: to Python more characters end a line than to JSON
        return [json.loads(line) for line in file]


class Journal:
    """The records of one job, in memory and on disk; `records` holds those there are, by request."""

    def __init__(self, out: Path, belongs_to: dict[str, Any]) -> None:
        """Read what an earlier job with the same `belongs_to` left behind, or start anew."""
        self._out, self._partial = out, out.with_suffix(".partial")
        self.records: dict[Request, dict[str, Any]] = {}
        header = json.dumps(belongs_to) + "\n"
        lines = _whole_lines(self._partial)
        if lines and lines[0] == header:
            self.records = {request_of(record): record for record in map(json.loads, lines[1:])}
            print(f"resuming after {len(self.records)} responses", flush=True)
        else:
            if lines:
                print(f"{self._partial} belongs to another spec or model: starting over", flush=True)
            lines = [header]
        # Rewriting drops a last line that was cut off in the middle.
        _replace(self._partial, lines)
        self._file = self._partial.open("a")

    def add(self, record: dict[str, Any]) -> None:
        """Keep a record; it is on disk when this returns."""
        self.records[request_of(record)] = record
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def finish(self, order: Iterable[Request], manifest: dict[str, Any]) -> None:
        """Write the records in order, and the manifest beside them; KeyError if one is missing."""
        self._file.close()
        lines = [json.dumps(self.records[request]) + "\n" for request in order]
        _replace(self._out.with_suffix(".json"), [json.dumps(manifest, indent=2) + "\n"])
        _replace(self._out, lines)
        self._partial.unlink()


def refuse_copies(records: Iterable[dict[str, Any]]) -> None:
    """Raise ValueError where two samples of a suite are copies: equal on every problem, against all odds.

    Given one sample, a second that is drawn independently repeats it on every problem with the product
    of its responses' probabilities under the sampling settings. A sure model may well repeat itself;
    an engine that ignores its seeds, or a cache, does so however improbable it is.
    """
    samples: dict[tuple, dict[int, list[dict]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if record["temperature"] > 0:
            samples[record["suite"], record["protocol"]][record["sample"]].append(record)
    for (suite, protocol), columns in samples.items():
        first: dict[tuple, int] = {}
        for sample, column in sorted(columns.items()):
            column.sort(key=lambda record: record["problem"])
            twin = first.setdefault(tuple(record["response_sha256"] for record in column), sample)
            nats = math.fsum(record["log_prob"] for record in column)
            if twin != sample and nats < _NO_COINCIDENCE_NATS:
                raise UserError(
                    f"{suite}, {protocol}: samples {twin} and {sample} of {len(column)} problems are copies, "
                    f"though their seeds differ; by the model's own probabilities that happens once in "
                    f"e^{-nats:.0f} times. The engine ignores the seeds of its requests, or something cached "
                    f"the responses; averages over these samples would be worthless"
                )


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
