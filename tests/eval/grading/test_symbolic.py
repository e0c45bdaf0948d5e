"""The last reader: what math-verify is asked about, and the guards around it."""

import math_verify
import pytest
import sympy

from eval.grading import symbolic
from eval.grading.symbolic import decide_symbolically


@pytest.mark.parametrize(
    ("gold", "answer", "decision"),
    [
        ("55", r"\sum_{k=1}^{10} k", "correct"),
        ("56", r"\sum_{k=1}^{10} k", "wrong"),
        (r"\frac13", r"\int_0^1 x^2 dx", "correct"),
        (r"\int_0^1 x^2 dx", r"\frac14", "wrong"),
        (r"\int R dx", r"\int r dx", "wrong"),
        (r"\int_0^1 R d x", r"\int_0^1 Rdx", "correct"),
        (r"\int_0^1 A b d x", r"\int_0^1 abdx", "wrong"),
        (r"\frac{d}{dx} x^2", "2x", "correct"),
        (r"m\frac{dv}{dt}+bv=f", r"2m\frac{d}{dt}v+bv=f", "ungraded"),
        (r"m\frac{dv}{dt}+bv=f", r"m\frac{d}{dt}v+bv=f", "ungraded"),
        (r"\sum_{k=1}^{99} 2^{-k}", "1", "wrong"),
        (r"5 \text{ or so}", "5", "wrong"),
        (r"1, \ldots, n", "1", "wrong"),
        ("2", r"2\text{ cos}", "wrong"),
        ("5", "?", "wrong"),
        ("-1./3", "-1./", "wrong"),
        (r"(1, \{2\}, -1./3)", "-1./", "wrong"),
        (r"(1, \{t(0,4]\})", "-1./", "ungraded"),
        ("-1./3", r"\sum_{k=1}^{3} k", "ungraded"),
        (r"t(0,4]", "5", "ungraded"),
        (r"t(0,4]", "-1./", "ungraded"),
    ],
)
def test_decisions(gold, answer, decision):
    assert decide_symbolically(gold, answer).decision == decision


@pytest.mark.parametrize(
    ("first", "second", "agree"),
    [
        (5 * sympy.oo, 5, False),
        (sympy.Mul(5, sympy.oo, evaluate=False), 5, False),
        (sympy.oo, sympy.oo, True),
        (sympy.oo, -sympy.oo, False),
        (sympy.Rational(1, 3), 0.3333333333333, True),
        (sympy.Rational(1, 3), 0.33333, False),
    ],
)
def test_what_agrees_to_nine_digits(first, second, agree):
    assert symbolic._agree(sympy.sympify(first), sympy.sympify(second)) is agree


def test_an_infinite_number_is_no_finite_one_whatever_math_verify_says(monkeypatch):
    """It said so once, in a process that had graded much before."""
    monkeypatch.setattr(math_verify, "verify", lambda *numbers, **options: True)
    assert decide_symbolically(r"5\cdot\infty", "5").decision == "wrong"
