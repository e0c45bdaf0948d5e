"""What the operations and functions of an expression compute, exactly and with mpmath, and their limits."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar

import mpmath
from mpmath import mp

Number = TypeVar("Number", Fraction, mpmath.mpc)

MOST_BITS = 60_000
_LARGEST_FACTORIAL = 20_000


class UndefinedError(ArithmeticError):
    """The expression has no value at this point."""


class TooLargeError(ArithmeticError):
    """A number on the way is too large to compute with."""


def _power(base: mpmath.mpc, exponent: mpmath.mpc) -> mpmath.mpc:
    if base != 0 and mp.isfinite(base) and abs(exponent) * abs(mp.log(abs(base), 2)) > MOST_BITS:
        raise TooLargeError("a power is too large")
    if isinstance(base, mp.mpf) and base < 0 and isinstance(exponent, mp.mpf) and not mp.isint(exponent):
        numerator = _numerator_over_odd(exponent)  # the real root where there is one: (-8)^{1/3} = -2
        if numerator is not None:
            return (-1) ** numerator * mp.power(-base, exponent)
    if base == 0 and mp.re(exponent) < 0:
        raise UndefinedError("division by zero")
    return mp.power(base, exponent)


def _numerator_over_odd(exponent: mpmath.mpf) -> int | None:
    """The numerator of a fraction with a small odd denominator; None for other exponents."""
    for denominator in (3, 5, 7, 9):
        numerator = exponent * denominator
        if abs(numerator - mp.nint(numerator)) < mp.mpf(10) ** -30:
            return int(mp.nint(numerator))
    return None


def _factorial(argument: mpmath.mpc) -> mpmath.mpf:
    if abs(argument) > _LARGEST_FACTORIAL:
        raise TooLargeError("a factorial is too large")
    if mp.isint(argument) and argument < 0:
        raise UndefinedError("factorial of a negative integer")
    return mp.gamma(argument + 1)


def _binomial(upper: mpmath.mpc, lower: mpmath.mpc) -> mpmath.mpf:
    if max(abs(upper), abs(lower)) > _LARGEST_FACTORIAL:
        raise TooLargeError("a binomial coefficient is too large")
    return mp.binomial(upper, lower)


def _logarithm(argument: mpmath.mpc, base: mpmath.mpc | None = None) -> mpmath.mpf:
    if argument == 0 or base in (0, 1):
        raise UndefinedError("logarithm of zero")
    return mp.log(argument) if base is None else mp.log(argument) / mp.log(base)


def _divide(top: Number, bottom: Number) -> Number:
    if bottom == 0:
        raise UndefinedError("division by zero")
    return top / bottom


def _integers(function: Callable) -> Callable:
    def of(*values: mpmath.mpf) -> mpmath.mpf:
        if not all(mp.isint(value) for value in values):
            raise UndefinedError("not an integer")
        return mp.mpf(int(function(*(int(value) for value in values))))

    return of


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1:
        return None
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) * max(bits - 1, base.numerator not in (-1, 0, 1)) > MOST_BITS:
        raise TooLargeError("a power is too large")
    if base == 0 and exponent < 0:
        raise UndefinedError("division by zero")
    return base ** int(exponent)


def _exact_factorial(argument: Fraction) -> Fraction | None:
    if argument.denominator != 1 or argument < 0:
        return None
    if argument > _LARGEST_FACTORIAL:
        raise TooLargeError("a factorial is too large")
    return Fraction(math.factorial(int(argument)))


_OF_ALL_NUMBERS: dict[str, Callable] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "negate": lambda a: -a,
    "absolute": abs,
    "divide": _divide,
}

EXACT: dict[str, Callable] = {
    **_OF_ALL_NUMBERS,
    "power": _exact_power,
    "factorial": _exact_factorial,
}

NUMERIC: dict[str, Callable] = {
    **_OF_ALL_NUMBERS,
    "power": _power,
    "root": lambda radicand, index: _power(radicand, _divide(mp.mpf(1), index)),
    "factorial": _factorial,
    "binomial": _binomial,
    "degrees": lambda a: a * mp.pi / 180,
    "floor": mp.floor,
    "ceiling": mp.ceil,
    r"\sin": mp.sin,
    r"\cos": mp.cos,
    r"\tan": mp.tan,
    r"\cot": mp.cot,
    r"\sec": mp.sec,
    r"\csc": mp.csc,
    r"\arcsin": mp.asin,
    r"\arccos": mp.acos,
    r"\arctan": mp.atan,
    r"\sinh": mp.sinh,
    r"\cosh": mp.cosh,
    r"\tanh": mp.tanh,
    r"\ln": _logarithm,
    r"\log": _logarithm,
    r"\lg": lambda a: _logarithm(a, mp.mpf(10)),
    r"\exp": lambda a: _power(mp.e * 1, a),
    r"\max": max,
    r"\min": min,
    r"\gcd": _integers(math.gcd),
    r"\lcm": _integers(math.lcm),
}
