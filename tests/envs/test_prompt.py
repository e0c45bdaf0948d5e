"""Prompts around questions: fields filled in once, everything else as written."""

import pytest
from pydantic import TypeAdapter, ValidationError

from envs import Problem, Prompt, own_words, worded

PROBLEM = Problem("one", "What is {answer}, or $\\frac{1}{2}$?", "{question}")


def test_the_question_alone():
    assert worded(PROBLEM, None) == PROBLEM.question
    assert worded(PROBLEM, "{question}") == PROBLEM.question


def test_fields_are_filled_in_once():
    """What a question or an answer holds is no field, and braces of LaTeX are none either."""
    found = worded(PROBLEM, "It is {answer}. {question} End with \\boxed{}, {answer}.")
    assert found == "It is {question}. What is {answer}, or $\\frac{1}{2}$? End with \\boxed{}, {question}."


def test_a_misspelt_field_is_no_word_of_latex():
    adapter = TypeAdapter(Prompt)
    with pytest.raises(
        ValidationError, match=r"\{anwser\} would be told as it stands; did you mean \{answer\}"
    ):
        adapter.validate_python("{question} hint {anwser}")
    for kept in ("{question} \\boxed{}", "\\frac{a}{b} {question}", "\\text{cm} {question}"):
        assert adapter.validate_python(kept) == kept


def test_a_prompts_own_words():
    assert own_words("hint {answer} ; {question}, please") == ["hint", ";", ",", "please"]


def test_what_a_problem_does_not_have_is_not_told():
    with pytest.raises(ValueError, match="problem one has no solution"):
        worded(PROBLEM, "{solution} {question}")


def test_a_prompt_asks_the_question():
    with pytest.raises(ValidationError, match=r"write \{question\} where the problem's question goes"):
        TypeAdapter(Prompt).validate_python("The answer is {answer}.")
