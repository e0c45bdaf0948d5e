"""Expressions: values against Python's own arithmetic, identities against calculus."""

import math
import string
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.grading.evaluate import identical, proportional, rational, symbols, value
from eval.grading.expression import parse
from eval.grading.functions import TooLargeError, UndefinedError
from eval.grading.tokens import UnreadableError, tokenize


def read(text):
    return parse(tokenize(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12),
        ("-0.50", Fraction(-1, 2)),
        (".5", Fraction(1, 2)),
        ("4.5e33", Fraction(45 * 10**32)),
        (r"4.5 \times 10^{-3}", Fraction(9, 2000)),
        (r"\frac{3}{4}", Fraction(3, 4)),
        (r"\frac34", Fraction(3, 4)),
        (r"\frac 3 4", Fraction(3, 4)),
        (r"\frac{270}7", Fraction(270, 7)),
        (r"4\frac{2}{3}", Fraction(14, 3)),
        ("1 1/2", Fraction(3, 2)),
        (r"2\frac{3}{2}", 3),
        (r"0.1\overline{6}", Fraction(1, 6)),
        ("-2^2", -4),
        ("(-2)^2", 4),
        ("2^3^2", 512),
        ("2^{10}", 1024),
        ("2^10", 1024),
        ("x^2/4", None),
        ("3!", 6),
        ("1-2-3", -4),
        ("12/3/2", 2),
        ("2(3)", 6),
        (r"|{-5}|", 5),
        (r"\sqrt{4}", None),
    ],
)
def test_exact_values(text, expected):
    assert rational(read(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\sqrt2", math.sqrt(2)),
        (r"\sqrt 13", math.sqrt(13)),
        (r"\sqrt(2)", math.sqrt(2)),
        (r"\sqrt[3]{-8}", -2),
        (r"\sin 30^\circ", 0.5),
        (r"\sin^2 1", math.sin(1) ** 2),
        (r"\sin^{-1} 1", math.pi / 2),
        (r"\sin 2 \cos 3", math.sin(2) * math.cos(3)),
        (r"2\sin(2) 3", 6 * math.sin(2)),
        (r"\log_2 8", 3),
        (r"\log_{10}(1000)", 3),
        (r"\lg 1000", 3),
        (r"\log e", 1),
        (r"\ln e^2", 2),
        (r"\frac{\pi}{6}", math.pi / 6),
        (r"3/4\pi", 0.75 * math.pi),
        (r"\pi/4\pi", 0.25),
        (r"\binom{5}{2}", 10),
        (r"\lfloor -1.5 \rfloor", -2),
        (r"\max(5, 3)", 5),
        (r"\gcd(12, 18)", 6),
        ("e^{2}", math.e**2),
        (r"\exp{2}", math.e**2),
        ("√2", math.sqrt(2)),
        ("sqrt(2)", math.sqrt(2)),
        ("2**3", 8),
        ("5²", 25),
    ],
)
def test_values(text, expected):
    assert float(value(read(text), {})) == pytest.approx(expected, rel=1e-14)


def test_juxtaposition_binds_tighter_than_a_slash_and_letters_before_sums_are_factors():
    point = {name: Fraction(n) for name, n in (("a", 3), ("b", 5), ("c", 7))}
    assert value(read("a/bc"), point) == pytest.approx(3 / 35)
    assert value(read("a(b+c)"), point) == 36
    assert value(read("abc"), point) == 105
    assert symbols(read(r"x_{0} \dot{x}_0 x' X \alpha R r")) == {
        "x_0",
        r"\dot x_0",
        "x'",
        "X",
        r"\alpha",
        "R",
        "r",
    }


@pytest.mark.parametrize(
    "pair",
    [
        (r"\sin 2x", r"2\sin x\cos x"),
        (r"\tan^2 y + 1", r"\sec^2 y"),
        (r"\sqrt{2}+\sqrt{5}", r"\sqrt{7+2\sqrt{10}}"),
        ("n!", r"(n-1)!\cdot n"),
        ("(-1)^n", "(-1)^{n+2}"),
        (r"\sqrt{a}\sqrt{b}", r"\sqrt{ab}"),
        (r"|x|", r"\sqrt{x^2}"),
        (r"\ln(xy)", r"\ln x + \ln y"),
        (r"\sqrt{-3}", r"i\sqrt{3}"),
        (r"u(t)(1+t)", r"u(t)+t u(t)"),
        (r"x^{2/3}", r"\sqrt[3]{x}^2"),
        ("0", r"\sqrt{2}-\sqrt{2}"),
        (r"\frac{\sinh(at)}{a}", r"\frac{1}{2a}(\exp{a*t} - \exp{-a*t})"),
    ],
)
def test_identities(pair):
    assert identical(*map(read, pair))
    assert identical(*map(read, reversed(pair)))


@pytest.mark.parametrize(
    "pair",
    [
        ("|x|", "x"),
        (r"\sqrt{x^2}", "x"),
        ("x", "X"),
        ("x", "x'"),
        ("x_1", "x_2"),
        ("f(x)", "f(y)"),
        ("I(0)", "I(0)e^{-t}"),
        ("10^{100}", "10^{100}+1"),
        ("100!", "100!+1"),
        (r"\frac{100!}{2^{50}}\sqrt{2}", r"\frac{100!}{2^{50}}\sqrt{2}+1"),
        (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}"),
        ("0", r"10^{-60}\sqrt{2}"),
        (r"\pi", "3.14159265358979"),
        ("(-1)^n", "1"),
        (r"\sin(n\pi)", "0"),
    ],
)
def test_what_is_not_identical(pair):
    assert not identical(*map(read, pair))


LETTERS = string.ascii_letters.replace("e", "").replace("i", "")
SIGNED = ["|{0}| = {0}", r"\sqrt{{{0}^2}} = {0}", "|{0}| = -{0}", "(-1)^{0} = 1", "(-1)^{0} = -1"]


@pytest.mark.parametrize("letter", LETTERS)
def test_no_letter_has_one_sign_or_one_parity(letter):
    for equation in SIGNED:
        first, second = equation.format(letter).split(" = ")
        assert not identical(read(first), read(second)), equation


PAIRED = [
    "|{0}-{1}| = {0}-{1}",
    "|{0}-{1}| = {1}-{0}",
    "|{0}+{1}| = {0}+{1}",
    "|{0} {1}| = {0} {1}",
    r"\sqrt{{{0}^2}}\sqrt{{{1}^2}} = {0} {1}",
    "(-1)^{0} = (-1)^{1}",
    "(-1)^{{{0}+{1}}} = 1",
    "(-1)^{{{0}{1}}} = 1",
    "(-1)^{{{0}{1}}} = -1",
    r"\max({0},{1}) = {0}",
]


@pytest.mark.parametrize(("one", "other"), [*list(combinations(LETTERS, 2))[::13], ("x", "y"), ("m", "n")])
@pytest.mark.parametrize("beside", ["", "+a+b+c+x"])
def test_no_two_letters_are_locked_together(one, other, beside):
    """Alone or among others: the signs and parities of any two differ and agree."""
    for equation in PAIRED:
        first, second = equation.format(one, other).split(" = ")
        assert not identical(read(first + beside), read(second + beside)), equation


def test_proportional_gives_the_factor_and_none_without_one():
    assert proportional(read("4x+2"), read("2x+1")) == pytest.approx(2)
    assert proportional(read("-x+1"), read("x-1")) == pytest.approx(-1)
    assert proportional(read("x^2-x"), read("x-1")) is None


@pytest.mark.parametrize("text", ["9**9**9**9", "(10^{10^{10}})!", "10^{100000000}", "(20001)!"])
def test_numbers_that_do_not_fit_are_refused(text):
    with pytest.raises(TooLargeError):
        identical(read(text), read("1"))


@pytest.mark.parametrize("text", [r"\frac{1}{0}", r"\frac{\infty}{\infty}", r"\ln 0", "0^{-1}", r"\arcsin 2"])
def test_what_has_no_value_is_undefined(text):
    with pytest.raises(UndefinedError):
        identical(read(text), read("1"))


@pytest.mark.parametrize(
    "text", ["", "1+", "(1", "1 2", r"\frac{1}", r"\sum_{k=1}^3 k", r"\frac{d}{dx} x", "a__b", "1e999999999"]
)
def test_what_is_no_expression_is_unreadable(text):
    with pytest.raises(UnreadableError):
        read(text)


rationals = st.fractions(min_value=-1000, max_value=1000, max_denominator=1000)


@given(rationals, rationals, rationals)
def test_arithmetic_agrees_with_python(a, b, c):
    text = rf"\frac{{{a.numerator}}}{{{a.denominator}}} + ({b})\cdot({c}) - ({a})^2"
    assert rational(read(text)) == a + b * c - a**2


@given(st.integers(-(10**12), 10**12), st.integers(0, 8))
def test_decimals_agree_with_python(digits, places):
    text = (
        f"{'-' if digits < 0 else ''}{abs(digits) // 10**places}.{abs(digits) % 10**places:0{places}d}"
        if places
        else str(digits)
    )
    assert rational(read(text)) == Fraction(digits, 10**places)
