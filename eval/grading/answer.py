"""What an answer can be: a value, a sequence, an interval, a relation, a matrix, or words."""

from dataclasses import dataclass, field

from eval.grading.node import Node
from eval.grading.tokens import Token


@dataclass(frozen=True)
class Value:
    """An expression with an optional unit; `decimals` is its text where it is one signed numeral."""

    node: Node
    unit: str | None = None
    decimals: str | None = None


@dataclass(frozen=True)
class Based:
    """A numeral with its base."""

    digits: str
    base: str


@dataclass(frozen=True)
class Words:
    """An answer in words, or a choice letter."""

    text: str


@dataclass(frozen=True)
class Sequence:
    """Items between brackets: `(` and `[` in any pairing, `{}` for sets, `:` for ratios, none for lists."""

    opening: str
    items: tuple["Answer", ...]
    closing: str
    joint: str = ","  # "and" or "or" where that joins the items of a list


@dataclass(frozen=True)
class Named:
    """`name = value`."""

    name: str
    value: "Answer"
    left: Node | None = None


FLIPPED = {"<": ">", r"\le": r"\ge", ">": "<", r"\ge": r"\le", "=": "=", r"\ne": r"\ne"}
"""The sign of a relation whose sides are exchanged."""


@dataclass(frozen=True)
class Relation:
    """A chain of sides joined by `=`, `\\ne`, `<`, `\\le`, `>` and `\\ge`."""

    sides: tuple["Answer", ...]
    signs: tuple[str, ...]
    names: tuple[str | None, ...] = ()  # of the sides that are bare names


@dataclass(frozen=True)
class SetOperation:
    """`\\cup`, `\\cap` or `\\setminus` of two sets."""

    operation: str
    left: "Answer"
    right: "Answer"


@dataclass(frozen=True)
class Matrix:
    """Rows of entries."""

    rows: tuple[tuple["Answer", ...], ...]


@dataclass(frozen=True)
class Opaque:
    """What is not read; equal only to what is written the same."""

    tokens: tuple[Token, ...] = field(compare=False)


class TooDeepError(ValueError):
    """Brackets within brackets beyond what any answer needs."""


Answer = Value | Based | Words | Sequence | Named | Relation | SetOperation | Matrix | Opaque


def is_read(answer: Answer) -> bool:
    """Whether no part of the answer is opaque."""
    return not isinstance(answer, Opaque) and all(map(is_read, _parts(answer)))


def _parts(answer: Answer) -> tuple[Answer, ...]:
    match answer:
        case Sequence(items=parts) | Relation(sides=parts):
            return parts
        case SetOperation(left=left, right=right):
            return left, right
        case Matrix(rows=rows):
            return tuple(entry for row in rows for entry in row)
        case Named(value=value):
            return (value,)
    return ()
