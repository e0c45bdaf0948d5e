"""Normalisation of problems and golds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.suites.text import after_hashes, expression, integer, last_boxed, one_line, problem_text


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  What is $x$? ", "What is $x$?"),
        (
            "What is $x$?\nPlease reason step by step, and put your final answer within \\boxed{}.",
            "What is $x$?",
        ),
        (
            "What is $x$? Please reason step by step, and put your final answer within \\boxed{{}}.",
            "What is $x$?",
        ),
        (
            "Solve the following math problem step by step. The last line of your response should be of the "
            "form Answer: $Answer (without quotes) where $Answer is the answer to the problem.\n\n"
            "What is $x$?\n\n"
            'Remember to put your answer on its own line after "Answer:".',
            "What is $x$?",
        ),
        ("Put a number into \\boxed{} and explain.", "Put a number into \\boxed{} and explain."),
        ("caf\u0065\u0301", "caf\u00e9"),
    ],
)
def test_problem_text_drops_the_instructions_of_prompts_only(raw, clean):
    assert problem_text(raw) == clean


def test_a_corrupted_command_stays_different():
    assert one_line("\\frac{1}{2}") != one_line("\x0crac{1}{2}")
    assert one_line(" a \n\n b\t") == "a b"


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("so \\boxed{1} or \\boxed{\\frac{1}{2}} .", "\\frac{1}{2}"),
        ("\\fbox{x}", "x"),
        ("\\boxed {7}", "7"),
        ("first \\boxed{3}, then \\boxed{4", "3"),
        ("first \\boxed{3}, then \\boxed{\\left\\{1,2\\right.}", "\\left\\{1,2\\right."),
        ("none", None),
    ],
)
def test_last_boxed_is_the_last_balanced_one(text, content):
    assert last_boxed(text) == content


@pytest.mark.parametrize(
    ("raw", "gold"),
    [
        ("073", "73"),
        ("000", "0"),
        ("\\boxed{204}", "204"),
        ("336^\\circ", "336"),
        ("$336^{\\circ}$", "336"),
        ("-012", "-12"),
        ("1,200", "1200"),
        (" 7 ", "7"),
        ("x+1", "x+1"),
    ],
)
def test_integer(raw, gold):
    assert integer(raw) == gold


@pytest.mark.parametrize(
    ("raw", "gold"),
    [
        ("$\\frac{1}{2}$", "\\frac{1}{2}"),
        ("$69$,$84$", "$69$,$84$"),
        ("\\boxed{x^{2}}", "x^{2}"),
        ("4.5e33", "4.5e33"),
        ("007", "007"),
    ],
)
def test_expression_keeps_what_it_cannot_read(raw, gold):
    assert expression(raw) == gold


def test_gsm8k_answers_follow_the_hashes():
    assert after_hashes("She has 48/2 = <<48/2=24>>24 left.\n#### 1,072") == "1072"


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_every_notation_of_an_integer_is_that_integer(number):
    for notation in ("{}", "${}$", "\\boxed{{{}}}", "{}^\\circ", "{:,}", "{:015d}", "worked out\n#### {}"):
        assert after_hashes(notation.format(number)) == str(number)


@given(st.text(alphabet="ab01 \\{}$^.,boxed\n", max_size=40))
def test_normalised_texts_stay_as_they_are(text):
    assert problem_text(problem_text(text)) == problem_text(text)
    assert one_line(one_line(text)) == one_line(text)
