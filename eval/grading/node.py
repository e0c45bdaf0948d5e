"""An expression tree, and the numerals in it."""

from dataclasses import dataclass
from fractions import Fraction

from eval.grading.tokens import UnreadableError

_LONGEST_EXPONENT = 5


@dataclass(frozen=True)
class Node:
    """An operation with its arguments: nodes, a `Fraction` for `number`, a name for `symbol` and `call`."""

    operation: str
    arguments: tuple


def number(text: str) -> Fraction:
    """The exact value of an integer, decimal or e-notation numeral."""
    mantissa, _, exponent = text.lower().partition("e")
    if len(exponent.lstrip("+-")) > _LONGEST_EXPONENT or len(mantissa) > 1000:
        raise UnreadableError("a numeral is too large")
    return Fraction(mantissa.rstrip(".") or "0") * Fraction(10) ** int(exponent or 0)
