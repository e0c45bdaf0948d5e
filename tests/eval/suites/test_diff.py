"""Differences from the published hashes."""

import pytest

from eval.suites import content
from eval.suites.content import RowHash, short_hash
from eval.suites.diff import differences
from eval.suites.suite import Item

ITEMS = [Item("a", "What is 1?", "1"), Item("b", "What is 2?", "2"), Item("c", "What is 3?", "3")]


@pytest.fixture(autouse=True)
def published(monkeypatch):
    first, *others = (content.row_hash(item) for item in ITEMS)
    rows = (RowHash("a", first.answer, (*first.problems, short_hash("What, then, is 1?"))), *others)
    monkeypatch.setattr(content, "published", lambda suite: rows)


def found(items):
    return [(difference.id, difference.what) for difference in differences("tiny", items)]


def test_the_reference_copy_does_not_differ():
    assert found([Item("x", " What is  3?", "3"), *ITEMS[:2]]) == []


def test_each_kind_of_difference_is_named_with_its_row():
    copy = [
        Item("1", "What, then, is 1?", "1"),
        Item("2", "What is 2?", "5"),
        Item("3", "What is three?", "3"),
    ]
    assert found(copy) == [
        ("a", "text is that of another known copy"),
        ("b", "gold differs: here '5'"),
        ("3", "text not known: 'What is three?', gold '3'"),
        ("c", "its text is not in this copy"),
    ]
    assert found([*ITEMS, ITEMS[0]]) == [("a", "is there twice")]
