"""Overlap of training prompts with a suite, against a plain count."""

import random

import pytest

from eval.suites.contamination import contaminated_ids, grams, overlaps, words
from eval.suites.suite import Item

LONG = " ".join(f"w{chr(97 + i)}" for i in range(20))  # 20 words, 8 13-grams


def test_words_ignore_case_punctuation_spacing_and_layout():
    assert words("Let $\\left(x_{12}, Y\\right)$ be") == ["let", "x", "12", "y", "be"]
    assert words("\\dfrac{1}{2}") == ["frac", "1", "2"]
    assert words("\\leftarrow") == ["leftarrow"]
    assert words("\\dfraction") == ["dfraction"]


def test_equal_texts_are_exact_also_when_short():
    (found,) = overlaps(["What is $x + 1$?"], [Item("a", "what is \\left( x+1 \\right)", "")])
    assert (found.exact, found.shared, found.contaminated) == (True, 0.0, True)


@pytest.mark.parametrize(
    ("changed", "shared", "contaminated"), [(None, 1.0, True), (3, 0.5, True), (4, 3 / 8, False)]
)
def test_half_of_the_13_grams_decides(changed, shared, contaminated):
    training = LONG.split()
    if changed is not None:
        training[changed] = "other"
    (found,) = overlaps([" ".join(["before", *training, "after"])], [Item("a", LONG, "")])
    assert found.shared == shared
    assert not found.exact
    assert found.contaminated is contaminated


def test_grams_count_over_the_whole_training_set():
    halves = [" ".join(LONG.split()[:16]), " ".join(LONG.split()[4:])]
    (found,) = overlaps(halves, [Item("a", LONG, "")])
    assert found.shared == 1.0


def test_against_a_plain_count():
    rng = random.Random(0)
    texts = [" ".join(rng.choices("abc", k=rng.randint(2, 30))) for _ in range(60)]
    training, suite = texts[:40], [Item(str(i), text, "") for i, text in enumerate(texts[40:])]
    for item, found in zip(suite, overlaps(training, suite, n=4), strict=True):
        text = item.problem.split()
        own = {tuple(text[i : i + 4]) for i in range(len(text) - 3)}
        seen = {gram for gram in own if any(" ".join(gram) in other for other in training)}
        assert found.shared == (len(seen) / len(own) if own else 0)
        assert found.exact == (item.problem in training)
        assert set(grams(text, 4)) == own


def test_the_report_gives_the_ids_per_suite(tmp_path):
    report = tmp_path / "report.json"
    report.write_text(
        '{"training": "t", "suites": {"a": {"contaminated": [{"id": "x"}]}, "b": {"contaminated": []}}}'
    )
    assert contaminated_ids(report) == {"a": {"x"}, "b": set()}
