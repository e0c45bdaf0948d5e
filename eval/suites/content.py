"""Hashes that identify a copy, and its rows, without the texts.

Texts are hashed as `eval.suites.text.one_line` gives them, golds after the suite's normalisation, so
copies that differ in spacing or in `073` for `73` are the same copy. Ids and order do not count.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from eval.suites.suite import Item
from eval.suites.text import one_line


@dataclass(frozen=True)
class RowHash:
    """What is published of one problem: its id, and the hashes of its gold and of its text.

    `problems[0]` is the text in the reference copy, the others its wordings in further known copies.
    """

    id: str
    answer: str
    problems: tuple[str, ...]


def sha256(items: Iterable[Item]) -> str:
    """sha256 of the canonical JSON of the sorted (problem, answer) pairs."""
    pairs = sorted((one_line(item.problem), one_line(item.answer)) for item in items)
    return hashlib.sha256(json.dumps(pairs, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def short_hash(text: str) -> str:
    """The first 12 hex digits of the sha256 of a text."""
    return hashlib.sha256(one_line(text).encode()).hexdigest()[:12]


def row_hash(item: Item) -> RowHash:
    """The published hashes of one problem."""
    return RowHash(item.id, short_hash(item.answer), (short_hash(item.problem),))


@cache
def published(suite: str) -> tuple[RowHash, ...]:
    """The rows of the suite's reference copy, in its order; empty where no list is shipped."""
    file = files("eval.suites") / "hashes" / f"{suite}.json"
    if not file.is_file():
        return ()
    return tuple(RowHash(name, answer, tuple(texts)) for name, answer, *texts in json.loads(file.read_text()))


def dumps(rows: Sequence[RowHash]) -> str:
    """The text of a hash list: one JSON row per problem."""
    lines = (json.dumps([row.id, row.answer, *row.problems]) for row in rows)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def with_published_ids(suite: str, items: Sequence[Item]) -> list[Item]:
    """Items under the published id of their problem text, in the published order.

    A text that is not published gets the id `unknown-<hash>` and comes after the others. Without a
    list the items stay as they are.
    """
    rows = published(suite)
    if not rows:
        return list(items)
    places = {text: (place, row.id) for place, row in enumerate(rows) for text in row.problems}
    placed = []
    for item in items:
        key = short_hash(item.problem)
        place, name = places.get(key, (len(rows), f"unknown-{key}"))
        placed.append((place, Item(name, item.problem, item.answer)))
    return [item for _, item in sorted(placed, key=lambda pair: pair[0])]
