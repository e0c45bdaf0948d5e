"""What a suite is: a versioned list of problems, where it comes from and which copies of it are known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Item:
    """One problem: its id (the same in every known copy), its text and its normalised gold answer."""

    id: str
    problem: str
    answer: str


@dataclass(frozen=True)
class Hub:
    """A data set on the Hugging Face hub. `revision` None: not learnt, so the newest one is read.

    `configs` are read one after the other; (None,) is a data set without configurations.
    """

    repository: str
    split: str
    revision: str | None
    configs: tuple[str | None, ...] = (None,)

    def __str__(self) -> str:
        configs = "".join(f" {config}" for config in self.configs if config)
        return f"{self.repository}{configs} [{self.split}] @ {self.revision or 'newest revision'}"


@dataclass(frozen=True)
class Copy:
    """A copy that somebody has looked at, known by the sha256 of its content (`eval.suites.content`).

    `flaw` says what is wrong with it. A flawed copy is recognised but never counts as verified.
    """

    sha256: str
    description: str
    flaw: str | None = None


@dataclass(frozen=True)
class Defect:
    """What is wrong with some problems of the suite itself, in every copy."""

    what: str
    ids: tuple[str, ...]


def ids(prefix: str, numbers: str) -> tuple[str, ...]:
    """`prefix-number` for each of the blank-separated numbers."""
    return tuple(f"{prefix}-{number}" for number in numbers.split())


@dataclass(frozen=True, kw_only=True)
class Suite:
    """An evaluation suite or, with role `training`, a list of training prompts.

    `counts` are the numbers of rows that its copies may have; any other number is refused. `answer`
    normalises one raw gold answer and leaves a normalised one as it is. `aliases` are further file
    names under which a user's folder may hold it. `conflicting` are short hashes of training prompts
    that are known to have two answers, for the copies that show only one of them. `hub` None: a file at
    hand is all there is.
    """

    name: str
    version: str
    description: str
    hub: Hub | None = None
    counts: tuple[int, ...]
    copies: tuple[Copy, ...]
    licence: str
    answer_type: str
    answer: Callable[[str], str]
    role: Literal["evaluation", "training"] = "evaluation"
    defects: tuple[Defect, ...] = ()
    aliases: tuple[str, ...] = ()
    conflicting: tuple[str, ...] = ()

    def copy(self, sha256: str) -> Copy | None:
        """The known copy with that content, if there is one."""
        return next((copy for copy in self.copies if copy.sha256 == sha256), None)
