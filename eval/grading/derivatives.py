"""Derivatives as Leibniz writes them: `\\frac{d^2 y}{d t^2}` is one symbol, no quotient of products."""

import re

from eval.grading.tokens import Token, UnreadableError, written

_INDEX = r"(?:\{[^{}]*\}|[^\s{}]+)"
_NAME = rf"(?:\\[a-zA-Z]+|[^\W\d_])(?: _ {_INDEX})?"
_QUOTIENT = re.compile(
    rf"(?P<d>d|\\partial)(?P<order> \^ {_INDEX})?(?P<function> {_NAME})? / "
    rf"(?P=d) {_NAME}(?(order) \^ {_INDEX})"
)


def derivative(upper: list[Token], lower: list[Token]) -> str | None:
    """The name of the derivative that the quotient is; None if it is none.

    Raises `UnreadableError` for `\\frac{d}{dt}`, which applies to what stands behind it.
    """
    match = _QUOTIENT.fullmatch(f"{written(upper)} / {written(lower)}")
    if match is None:
        return None
    if not match["function"]:
        raise UnreadableError("a derivative of what stands behind")
    return re.sub(r"[ {}]", "", match.group())
