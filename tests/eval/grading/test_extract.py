"""The final answer of a response: which boxes count, and how they can be taken."""

import pytest

from eval.grading.extract import readings, readings_leniently


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"So \boxed{5}.", "5"),
        (r"\boxed{113}. Wait, the total is 204. So \boxed{204}.", "204"),
        (r"<think>\boxed{1}</think> It is \boxed{2}", "2"),
        (r"<think>\boxed{1}</think> It is 2", None),
        (r"a</think>\boxed{1}</think>b", None),
        (r"<think>still thinking \boxed{3}", "3"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed {7}", "7"),
        (r"\fbox{7}", "7"),
        (r"\boxed{\left\{1, 2\right\}}", r"\left\{1, 2\right\}"),
        (r"\boxed{a \} b}", r"a \} b"),
        (r"\boxed{5} and then \boxed{6", "5"),
        (r"\boxed{\boxed{5}}", r"\boxed{5}"),
        (r"Put it in \boxed form: \boxed{5}", "5"),
        (r"Put it in \boxed{} form: \boxed{5}", "5"),
        (r"\boxed{5} as asked in \boxed{}", "5"),
        ("no box: 5", None),
        ("", None),
    ],
)
def test_the_last_balanced_box_after_thinking(response, answer):
    assert readings(response) == ([] if answer is None else [(answer,)])


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"$\boxed{k = 45} \quad \text{and} \quad \boxed{n = 2}$", "k = 45, n = 2"),
        (r"$x=\boxed{1}$ or $x=\boxed{2}$.", "1, 2"),
        (r"\boxed{1}, \boxed{2}, and \boxed{3}", "1, 2, 3"),
        (r"\boxed{1} but no: \boxed{2}", "2"),
        (r"\boxed{1} so \boxed{2} and \boxed{3}", "2, 3"),
    ],
)
def test_listed_boxes_are_one_list_or_each_the_answer(response, answer):
    boxes = tuple(answer.split(", "))
    assert readings(response) == list(dict.fromkeys([(answer,), boxes]))
    assert readings(response, joined_boxes=False) == [boxes]


@pytest.mark.parametrize("between", [".\n\n", "", "$ $", r"\]" + "\n" + r"\[", r"\quad"])
def test_boxes_that_merely_stand_together_are_the_last_one_or_a_list(between):
    assert readings(rf"\boxed{{5}}{between}\boxed{{6}}") == [("6",), ("5, 6",)]
    assert readings(rf"\boxed{{5}}{between}\boxed{{6}}", joined_boxes=False) == [("6",)]


@pytest.mark.parametrize("between", [", ", " or ", r" \text{ and } ", ".\n\n x = "])
def test_the_same_box_again_is_one_box(between):
    assert readings(rf"\boxed{{5}}{between}\boxed{{5}}") == [("5",), ("5, 5",)]
    assert readings(rf"\boxed{{5}}{between}\boxed{{5}}", joined_boxes=False) == [("5",)]


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"\boxed{5} The answer is 6.", "5"),
        ("The answer is 42. But 43 is close.", "43"),
        ("So the final answer is $x = 7$. I hope it is correct.", "x = 7"),
        ("Answer: 1/2", "2"),
        ("First 3, then 1,234.5", "1,234.5"),
        ("The answer is blue.", "blue"),
        ("nothing here", None),
    ],
)
def test_the_lenient_guess(response, answer):
    assert readings_leniently(response) == ([] if answer is None else [(answer,)])


def test_a_long_hostile_response_is_read_in_linear_time():
    """A million characters of opening boxes: quadratic work would not end."""
    assert readings(r"\boxed{" * 2000 + "x" * 10**6) == []
