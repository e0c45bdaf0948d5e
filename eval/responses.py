"""The records of responses files: what each answers, and checks that no sample is there twice or a copy.

`programs.journal` writes them.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from programs.errors import UserError

# A coincidence less probable than exp(-20), two in a billion, is none.
_NO_COINCIDENCE_NATS = -20.0

Request = tuple[str, str, str, int]  # protocol, suite, problem, sample


def request_of(record: dict[str, Any]) -> Request:
    """What a record answers."""
    return record["protocol"], record["suite"], record["problem"], record["sample"]


def read_records(path: Path, fields: Sequence[str] = (), hint: str = "") -> list[dict[str, Any]]:
    """The records of a JSON Lines file; UserError with file and line for what is none.

    So for one that lacks any of the `fields`; `hint` ends that message.
    """
    with path.open() as file:  # not splitlines: to Python more characters end a line than to JSON
        records = [_record(line, f"{path}, line {number}") for number, line in enumerate(file, 1)]
    for number, record in enumerate(records, 1):
        if missing := [field for field in fields if field not in record]:
            raise UserError(f"{path}, line {number} has no {', '.join(missing)}{hint}")
    return records


def _record(line: str, place: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{place} is no JSON") from error
    if not isinstance(record, dict):
        raise UserError(f"{place} is no JSON object")
    return record


def refuse_repeats(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """UserError where two records of the file answer one request."""
    answered = set()
    for request in map(request_of, records):
        if request in answered:
            _, suite, problem, sample = request
            raise UserError(f"{path} holds sample {sample} of problem {problem} of {suite} twice")
        answered.add(request)


def refuse_copies(records: Iterable[dict[str, Any]]) -> None:
    """UserError where two samples of a suite are copies: equal on every problem, against all odds.

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
