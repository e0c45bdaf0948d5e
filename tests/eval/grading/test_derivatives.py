"""Which quotients are derivatives, and which of these are the same."""

import pytest

from eval.grading.evaluate import symbols
from eval.grading.expression import parse
from eval.grading.tokens import UnreadableError, tokenize


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        ((r"\frac{dx}{dt}", r"\frac{d x}{d t}", r"\dfrac{\mathrm{d}x}{\mathrm{d}t}"), "dx/dt"),
        ((r"\frac{d^2v_o}{dt^2}", r"\frac{d^{2} v_{o}}{d t^{2}}"), "d^2v_o/dt^2"),
        ((r"\frac{d\omega}{dt_{10}}", r"\frac{d \omega}{d t_{10}}"), r"d\omega/dt_10"),
        ((r"\frac{d^ny}{dx^n}", r"\frac{d^{n} y}{d x^{n}}"), "d^ny/dx^n"),
        ((r"\frac{\partial u}{\partial x}",), r"\partialu/\partialx"),
    ],
)
def test_a_derivative_is_one_symbol(texts, name):
    for text in texts:
        assert symbols(parse(tokenize(f"3{text}^2 + 1"))) == {name}


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        (r"\frac{d}{2}", "d"),
        (r"\frac{d!}{2k(d-k)!}", "dk"),
        (r"\frac{d}{d+1}", "d"),
        (r"\frac{d+a}{d+b}", "abd"),
        (r"\frac{dx}{t}", "dtx"),
        (r"\frac{dx}{3dt}", "dtx"),
        (r"\frac{d^2x}{dt}", "dtx"),
    ],
)
def test_other_quotients_are_those_of_products(text, letters):
    assert symbols(parse(tokenize(text))) == set(letters)


@pytest.mark.parametrize("text", [r"\frac{d}{dx} x", r"\frac{d^2}{dx^2} x", r"\frac{\partial}{\partial x} x"])
def test_one_that_applies_to_what_follows_is_not_read(text):
    with pytest.raises(UnreadableError, match="derivative"):
        parse(tokenize(text))
