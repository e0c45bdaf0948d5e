"""Checksums and published ids."""

import hashlib
import json

from eval.suites import content
from eval.suites.content import RowHash
from eval.suites.suite import Item

ITEMS = [Item("a", "What is\n 1 + 1?", "2"), Item("b", "What is é?", "\\frac{1}{2}")]


def test_the_checksum_is_of_the_sorted_normalised_pairs():
    pairs = '[["What is 1 + 1?","2"],["What is é?","\\\\frac{1}{2}"]]'
    assert content.sha256(ITEMS) == hashlib.sha256(pairs.encode()).hexdigest()


def test_order_ids_and_spacing_do_not_count_but_texts_and_golds_do():
    same = [Item("x", " What is é? ", "\\frac{1}{2} "), Item("y", "What is 1 + 1?", "2")]
    assert content.sha256(same) == content.sha256(ITEMS)
    assert content.sha256([ITEMS[0], Item("b", "What is e?", "\\frac{1}{2}")]) != content.sha256(ITEMS)
    assert content.sha256([ITEMS[0], Item("b", "What is é?", "\\frac{1}{3}")]) != content.sha256(ITEMS)


def test_short_hashes_are_of_the_same_text():
    assert content.short_hash("a  b\n") == hashlib.sha256(b"a b").hexdigest()[:12]


def test_a_hash_list_reads_back(monkeypatch, tmp_path):
    rows = (content.row_hash(ITEMS[0]), RowHash("b", "0" * 12, ("1" * 12, "2" * 12)))
    (tmp_path / "hashes").mkdir()
    (tmp_path / "hashes/tiny.json").write_text(content.dumps(rows))
    monkeypatch.setattr(content, "files", lambda package: tmp_path)
    assert content.published.__wrapped__("tiny") == rows
    assert content.published.__wrapped__("other") == ()
    assert json.loads(content.dumps(rows))[1] == ["b", "0" * 12, "1" * 12, "2" * 12]


def test_ids_and_order_are_the_published_ones(monkeypatch):
    first, second = (content.short_hash(item.problem) for item in ITEMS)
    rows = (RowHash("one", "", (first,)), RowHash("two", "", ("0" * 12, second)))
    monkeypatch.setattr(content, "published", lambda suite: rows)
    new = Item("c", "new", "3")
    found = content.with_published_ids("tiny", [new, ITEMS[1], ITEMS[0]])
    assert [item.id for item in found] == ["one", "two", f"unknown-{content.short_hash('new')}"]
    assert [item.problem for item in found] == [ITEMS[0].problem, ITEMS[1].problem, "new"]
