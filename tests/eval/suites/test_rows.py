"""The columns of the copies that exist, one row of each."""

import pytest

from eval import suites
from eval.suites import rows
from programs.errors import UserError

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is $x$?"}]


@pytest.mark.parametrize(
    ("suite", "row", "gold"),
    [
        ("aime24", {"id": 60, "problem": "What is $x$?", "solution": "long", "answer": "073"}, "73"),
        ("aime24", {"ID": "2024-I-1", "Problem": "What is $x$?", "Solution": "s", "Answer": 73}, "73"),
        ("aime24", {"id": 0, "problem": "What is $x$?", "solution": "\\boxed{073}", "url": "u"}, "73"),
        (
            "aime24",
            {"id": "a", "problem": "What is $x$?", "reference_solution": "s", "expected_answer": "73"},
            "73",
        ),
        ("aime25", {"question": "What is $x$?", "answer": "336^\\circ"}, "336"),
        (
            "aime25",
            {"problem_idx": 5, "problem": "What is $x$?", "answer": 336, "problem_type": ["G"]},
            "336",
        ),
        (
            "math500",
            {"problem": "What is $x$?", "answer": "\\frac12", "unique_id": "test/a/1.json"},
            "\\frac12",
        ),
        (
            "minerva_math",
            {"problem": "What is $x$?", "solution": "so \\boxed{4.5e33} \\mathrm{~m}"},
            "4.5e33",
        ),
        ("minerva_math", {"question": "What is $x$?", "answer": "4.5e33"}, "4.5e33"),
        (
            "olympiadbench_674",
            {
                "id": 1606,
                "question": "What is $x$?",
                "solution": ["long"],
                "final_answer": ["$-1$"],
                "unit": None,
            },
            "-1",
        ),
        ("olympiadbench", {"id": 1, "question": "What is $x$?", "final_answer": ["1", "2"]}, "1, 2"),
        ("dapo_math_17k", {"prompt": "What is $x$?", "solution": "34", "extra_info": {"index": "u"}}, "34"),
        (
            "dapo_math_17k",
            {"prompt": MESSAGES, "reward_model": {"ground_truth": "34", "style": "rule"}},
            "34",
        ),
        (
            "math_train",
            {"problem": "What is $x$?", "level": "Level 5", "solution": "$\\boxed{\\frac{1}{2}}$"},
            "\\frac{1}{2}",
        ),
        ("gsm8k_train", {"question": "What is $x$?", "answer": "1+1=2\n#### 2"}, "2"),
    ],
)
def test_known_forms_give_the_same_item(suite, row, gold):
    (item,) = rows.items(suites.get(suite), [row])
    assert (item.problem, item.answer) == ("What is $x$?", gold)


def test_ids_come_from_the_copy_or_the_place():
    suite = suites.get("math500")
    named = {"problem": "p", "answer": "1", "unique_id": "test/a/1.json"}
    assert [item.id for item in rows.items(suite, [named, {"problem": "q", "answer": "1"}])] == [
        "test/a/1.json",
        "math500-1",
    ]


def test_a_row_without_a_problem_is_named_with_its_columns():
    with pytest.raises(UserError, match="math500: row 0 has no problem; its columns are text, answer"):
        rows.items(suites.get("math500"), [{"text": "What is $x$?", "answer": "1"}])
