"""The last reader: math-verify, for sums, integrals, limits and what else `eval.grading.expression` leaves.

Runs in a worker that can be killed. Guards stand around it because it reads all letters as small ones and
compares numbers after rounding.
"""

import logging
import math
import re
from typing import Any

from eval.grading.answer import TooDeepError, is_read
from eval.grading.compare import Outcome
from eval.grading.reading import read
from eval.grading.tokens import UnreadableError, spelled, tokenize
from eval.grading.vocabulary import FUNCTIONS

_AGREEMENT = 1e-9


def preload() -> None:
    """Import math-verify and sympy, about a second, so that no answer pays for it."""
    import math_verify  # noqa: F401

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)


def decide_symbolically(gold: str, answer: str) -> Outcome:
    """What math-verify says of two answers in LaTeX.

    `ungraded` where nobody reads the gold, or where one side is read by us alone; an answer that nobody reads
    is wrong.
    """
    from math_verify import verify

    if _has_words(gold) or _has_words(answer):
        return Outcome("wrong", "words, dots or primes, not written the same")
    first, second = _expressions(gold), _expressions(answer)
    if not first and not _is_read(gold):
        return Outcome("ungraded", "the gold is not read by math-verify either")
    if not second and not _is_read(answer):
        return Outcome("wrong", "the answer is not read as mathematics")
    if not first or not second:
        return Outcome("ungraded", f"math-verify does not read the {'answer' if first else 'gold'}")
    if _letters(gold) != _letters(answer) and {x.lower() for x in _letters(gold)} == {
        x.lower() for x in _letters(answer)
    }:
        return Outcome("wrong", "letters differ in case")
    if any(map(_loses_a_derivative, (*first, *second))):
        return Outcome("ungraded", "to math-verify a derivative is 0")
    equal = verify(first, second, timeout_seconds=None, raise_on_error=True) and _agree(first[0], second[0])
    return Outcome("correct" if equal else "wrong", "math-verify")


def _is_read(text: str) -> bool:
    """Whether our own parser reads all of the text."""
    try:
        return is_read(read(tokenize(text)))
    except (UnreadableError, TooDeepError, RecursionError):
        return False


def _expressions(text: str) -> list[Any]:
    """What math-verify parses from the LaTeX, without the raw string that it appends."""
    from math_verify import LatexExtractionConfig, parse

    # A dollar inside would end the formula, and the rest would go unread.
    latex = "$" + re.sub(r"(?<!\\)[$]", " ", text).strip() + "$"
    config = [LatexExtractionConfig()]
    found = parse(latex, config, fallback_mode="no_fallback", parsing_timeout=None, raise_on_error=False)
    return [one for one in found if not isinstance(one, str)]


def _agree(first: Any, second: Any) -> bool:
    """Whether two numbers agree to nine digits, infinite ones in all; True where they are no numbers."""
    if not (getattr(first, "is_number", False) and getattr(second, "is_number", False)):
        return True
    one, other = complex(first.evalf(30)), complex(second.evalf(30))
    return one == other or abs(one - other) <= _AGREEMENT * max(abs(one), abs(other)) < math.inf


def _loses_a_derivative(expression: Any) -> bool:
    """Whether there is a derivative of a letter by another, which counts as that of a constant."""
    from sympy import Derivative

    return any(not one.expr.has(*one.variables) for one in expression.atoms(Derivative))


def _has_words(text: str) -> bool:
    """Whether there are words, dots, primes or a last function of nothing, which math-verify would drop."""
    try:
        tokens = tokenize(text)
    except UnreadableError:
        return False
    if tokens and tokens[-1].value in FUNCTIONS:
        return True
    return any(
        t.value in (r"\ldots", r"\prime", "'") or (t.kind == "text" and len(t.value) > 1) for t in tokens
    )


def _letters(text: str) -> set[str]:
    try:
        tokens = tokenize(text)
    except UnreadableError:
        return set(re.findall(r"(?<![a-zA-Z\\])[a-zA-Z](?![a-zA-Z])", text))
    return {token.value for token in spelled(tokens) if token.kind == "letter" and len(token.value) == 1}
