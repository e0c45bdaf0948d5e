"""Signs that stand for two: which tokens they stand for."""

import pytest

from eval.grading.signs import apart, signed, together
from eval.grading.tokens import tokenize, written


@pytest.mark.parametrize(
    ("text", "both"),
    [
        (r"\pm 5", ["+5", "-5"]),
        (r"(1\pm a, \mp b)", ["(1+a,-b)", "(1-a,+b)"]),
    ],
)
def test_the_upper_signs_and_the_lower_ones(text, both):
    assert [written(one) for one in together(tokenize(text))] == [written(tokenize(one)) for one in both]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"(\pm 3, \pm 2)", "(+3,+2),(+3,-2),(-3,+2),(-3,-2)"),
        (r"\{(0,\pm 2); (4,1)\}", r"\{(0,+2),(0,-2);(4,1)\}"),
        (r"(x,y) = (a\pm b, 1)", "(x,y) = (a+b,1),(a-b,1)"),
        (r"(\pm 3, \mp 2)", r"(\pm 3, \mp 2)"),
        (r"(\pm 1,\pm 1,\pm 1,\pm 1,\pm 1)", r"(\pm 1,\pm 1,\pm 1,\pm 1,\pm 1)"),
        (r"1\pm 2", r"1\pm 2"),
        ("(", "("),
    ],
)
def test_the_signs_of_coordinates_each_by_itself(text, expected):
    assert written(apart(tokenize(text))) == written(tokenize(expected))


def test_plain_signs_are_no_such_signs():
    assert [signed(tokenize(text)) for text in ("1+2", r"1 \pm 2", r"\mp x")] == [False, True, True]
