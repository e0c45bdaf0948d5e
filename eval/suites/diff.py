"""How a copy differs from the suite's reference copy, found without having that copy's texts."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.suites import content
from eval.suites.suite import Item


@dataclass(frozen=True)
class Difference:
    """A differing row: the problem's id (the copy's own one if its text is not known) and how it differs."""

    id: str
    what: str


def differences(suite: str, items: Sequence[Item]) -> list[Difference]:
    """The rows that differ from the published hashes, as `content.sha256` sees them; then the absent ones."""
    rows = {text: row for row in content.published(suite) for text in row.problems}
    found, present = [], set()
    for item in items:
        own = content.row_hash(item)
        row = rows.get(own.problems[0])
        if row is None:
            found.append(Difference(item.id, f"text not known: {item.problem[:60]!r}, gold {item.answer!r}"))
            continue
        if row.id in present:
            found.append(Difference(row.id, "is there twice"))
        present.add(row.id)
        if own.problems[0] != row.problems[0]:
            found.append(Difference(row.id, "text is that of another known copy"))
        if own.answer != row.answer:
            found.append(Difference(row.id, f"gold differs: here {item.answer!r}"))
    absent = (row.id for row in content.published(suite) if row.id not in present)
    return found + [Difference(name, "its text is not in this copy") for name in absent]
