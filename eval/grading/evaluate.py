"""What an expression is worth: exactly, at a point, and whether two are the same function."""

import hashlib
from fractions import Fraction

import mpmath
from mpmath import mp

from eval.grading.functions import EXACT, MOST_BITS, NUMERIC, TooLargeError, UndefinedError
from eval.grading.node import Node
from eval.grading.points import Point, points

_DIGITS = 40
_SAME_DIGITS = 20
_MOST_EXTRA_DIGITS = 3000
_NO_VALUE = (UndefinedError, ZeroDivisionError, ValueError, TypeError)


def rational(node: Node) -> Fraction | None:
    """The exact value of numerals joined by + - * / and integer powers; None for anything else.

    Raises `UndefinedError` on division by zero and `TooLargeError` on powers that do not fit.
    """
    if node.operation == "number":
        return node.arguments[0]
    if node.operation not in EXACT:
        return None
    values = [rational(argument) for argument in node.arguments]
    known = [value for value in values if value is not None]
    return EXACT[node.operation](*known) if len(known) == len(values) else None


def symbols(node: Node) -> set[str]:
    """Names of the free symbols."""
    if node.operation == "symbol":
        return {node.arguments[0]}
    return {name for part in node.arguments if isinstance(part, Node) for name in symbols(part)}


def value(
    node: Node, point: Point, digits: int = _DIGITS, imaginary: bool = False
) -> mpmath.mpf | mpmath.mpc:
    """The value at the point with that many digits.

    Real throughout unless `imaginary`: the square root of a negative number is `UndefinedError`, so that
    `\\sqrt{a}\\sqrt{b}` is `\\sqrt{ab}` wherever both exist.
    """
    with mp.workdps(digits):
        return _value(node, point, imaginary)


def identical(first: Node, second: Node) -> bool:
    """Whether both are the same function of their symbols.

    Decided by their values to 20 digits at fixed points, positive, mixed and integer (a variant of
    Schwartz-Zippel testing). Points where either side is undefined are skipped. Raises `UndefinedError` where
    none is left.
    """
    exact = rational(first), rational(second)
    if None not in exact:
        return exact[0] == exact[1]
    imaginary = _holds(first, "i") or _holds(second, "i")
    tested = False
    for point in points(sorted(symbols(first) | symbols(second))):
        try:
            if not _agree(first, second, point, imaginary):
                return False
        except _NO_VALUE:
            continue
        tested = True
    if not tested:
        raise UndefinedError("no value at any test point")
    return True


def proportional(first: Node, second: Node) -> float | None:
    """c where first = c second at all test points, c a non-zero constant; None if there is no such c."""
    names = sorted(symbols(first) | symbols(second))
    ratios = []
    for point in points(names):
        try:
            top, bottom = value(first, point), value(second, point)
        except _NO_VALUE:
            continue
        if bottom != 0:
            ratios.append(top / bottom)
    if len(ratios) < 2 and names:
        return None
    constant = bool(ratios) and all(_near(ratio, ratios[0]) for ratio in ratios) and ratios[0] != 0
    return float(ratios[0].real) if constant and abs(ratios[0].imag) < 1e-20 else None


def _agree(first: Node, second: Node, point: Point, imaginary: bool) -> bool:
    """Whether the values at the point agree to 20 digits, and to 20 behind the point if they are large.

    What cancels to nearly zero is computed again with more digits: nothing, or a small number?
    """

    def values(digits: int) -> tuple[mpmath.mpc, mpmath.mpc]:
        return value(first, point, digits, imaginary), value(second, point, digits, imaginary)

    one, other = values(_DIGITS)
    if not (mp.isfinite(one) and mp.isfinite(other)):
        raise UndefinedError("infinite")
    size = max(abs(one), abs(other))
    if _near(one, other):
        extra = min(int(mp.mag(size) * 0.302), _MOST_EXTRA_DIGITS) if 1 < size < mp.inf else 0
        if extra <= _SAME_DIGITS // 2:
            return True
        with mp.workdps(_DIGITS + extra):
            return _near(*values(_DIGITS + extra), _SAME_DIGITS + extra)
    small = mp.mpf(10) ** (5 - _DIGITS)
    if min(abs(one), abs(other)) > small:
        return False
    sharper = values(3 * _DIGITS)
    vanished = [
        fine == 0 or abs(fine) < abs(v) * small for fine, v in zip(sharper, (one, other), strict=True)
    ]
    return all(vanished) or _near(*sharper)


def _near(first: mpmath.mpc, second: mpmath.mpc, digits: int = _SAME_DIGITS) -> bool:
    return bool(abs(first - second) <= mp.mpf(10) ** -digits * max(abs(first), abs(second)))


def _holds(node: Node, constant: str) -> bool:
    if node.operation == "constant":
        return node.arguments[0] == constant
    return any(_holds(part, constant) for part in node.arguments if isinstance(part, Node))


def _value(node: Node, point: Point, imaginary: bool) -> mpmath.mpf | mpmath.mpc:
    operation, arguments = node.operation, node.arguments
    if operation == "number":
        return _fraction(arguments[0])
    if operation == "symbol":
        return _fraction(point[arguments[0]])
    if operation == "constant":
        return {"e": mp.e, "i": mp.mpc(0, 1), r"\pi": mp.pi, r"\infty": mp.inf}[arguments[0]] * 1
    name = arguments[0] if operation == "call" else operation
    values = [_value(part, point, imaginary) for part in arguments if isinstance(part, Node)]
    function = NUMERIC.get(name)
    result = function(*values) if function else _unknown(name, values)
    return _checked(result, imaginary)


def _checked(result: mpmath.mpc, imaginary: bool) -> mpmath.mpf | mpmath.mpc:
    if mp.isnan(result):
        raise UndefinedError("not a number")
    if mp.isinf(result):
        return result
    if isinstance(result, mp.mpc) and not imaginary:
        raise UndefinedError("not real")
    if result != 0 and abs(mp.mag(result)) > MOST_BITS:
        raise TooLargeError("a number is too large")
    return result


def _fraction(exact: Fraction) -> mpmath.mpf:
    return mp.mpf(exact.numerator) / exact.denominator


def _unknown(name: str, values: list) -> mpmath.mpf:
    """A function nobody knows, such as u(t): a fixed smooth function that belongs to the name."""
    draw = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return mp.cos(sum(v * (k + 1) for k, v in enumerate(values)) + mp.mpf(draw) / 2**30) + 2
