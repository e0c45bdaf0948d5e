"""Each convention alone: switched off it rejects what it is for, and nothing else changes."""

from dataclasses import fields, replace

import pytest

from eval.grading.compare import decide
from eval.grading.conventions import DEFAULT, STRICT, Conventions
from eval.grading.extract import readings

EXAMPLES = {
    "missing_unit": [(r"15\text{ cm}", "15"), ("45", r"45^\circ")],
    "missing_percent": [(r"20\%", "20")],
    "missing_base": [("52_8", "52")],
    "missing_left_side": [("y = 2x+3", "2x+3"), ("AB=4, CD=5", "4, 5"), ("13", "m+n=13")],
    "any_list_order": [("1, 2", "2, 1")],
    "missing_brackets": [("(1, 2, 3)", "1, 2, 3")],
    "vector_as_tuple": [(r"\begin{pmatrix}1\\2\end{pmatrix}", "(1, 2)")],
    "any_case": [(r"\text{Evelyn}", "evelyn"), ("C", "c")],
    "article": [(r"\text{ellipse}", r"\text{an ellipse}")],
    "number_words": [("5", r"\text{five}")],
    "approximation_sign": [("5", r"\approx 5")],
    "rounded_after": [(r"\frac{1}{12}", "0.083333333333")],
}


def off(name):
    return replace(DEFAULT, **{name: None if name == "rounded_after" else False})


@pytest.mark.parametrize(
    ("name", "gold", "answer"), [(n, *pair) for n, pairs in EXAMPLES.items() for pair in pairs]
)
def test_each_convention_decides_its_examples_alone(name, gold, answer):
    assert decide(gold, answer, DEFAULT).decision == "correct"
    assert decide(gold, answer, off(name)).decision == "wrong"
    assert decide(gold, answer, STRICT).decision == "wrong"
    for other in EXAMPLES.keys() - {name}:
        assert decide(gold, answer, off(other)).decision == "correct", other


def test_every_convention_has_examples():
    assert EXAMPLES.keys() | {"joined_boxes"} == {field.name for field in fields(Conventions)}
    assert readings(r"\boxed{1} \boxed{2}", STRICT.joined_boxes) == [("2",)]


MATHEMATICS = [
    ("1/2", "0.5"),
    (r"20\%", r"\frac15"),
    (r"\{1,2\}", r"\{2,1\}"),
    ("x < 5", "5 > x"),
    ("(1,2)", "(1, 2)"),
    ("y=2x", "y = 2x"),
]


@pytest.mark.parametrize(("gold", "answer"), MATHEMATICS)
def test_mathematics_is_no_convention(gold, answer):
    assert decide(gold, answer, STRICT).decision == "correct"
