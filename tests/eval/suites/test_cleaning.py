"""Which training prompts are removed, and as what they are counted."""

from eval.suites.cleaning import clean
from eval.suites.content import short_hash
from eval.suites.suite import Item


def test_each_prompt_is_counted_once_and_all_add_up():
    items = [
        Item("1", "one", "1"),
        Item("2", "two", "2"),
        Item("3", "one ", "1"),
        Item("4", "two", "3"),
        Item("5", "两", "2"),
        Item("6", "empty", ""),
        Item("7", "seven", "7"),
        Item("8", "two", "2"),
        Item("9", "名", "1"),
        Item("10", "名", "2"),
    ]
    kept, removed = clean(items)
    assert [item.id for item in kept] == ["1", "7"]
    assert removed == {"duplicate": 4, "conflicting answers": 2, "no answer": 1, "not English": 1}
    assert len(kept) + sum(removed.values()) == len(items)


def test_a_conflict_known_from_another_copy_counts_too():
    items = [Item("1", "one", "1"), Item("2", "two  words", "2")]
    kept, removed = clean(items, conflicting=(short_hash("two words"),))
    assert [item.id for item in kept] == ["1"]
    assert removed["conflicting answers"] == 1
