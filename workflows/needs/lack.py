"""Something that is missing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lack:
    """What is missing, and what to run (or do) about it."""

    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.what}\n    {self.mend}"
