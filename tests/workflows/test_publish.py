"""Blocks of a page are filled from a run's files, and only those that the run has."""

import re

import pytest

from programs.provenance import ROOT
from workflows import publish

PAGE = """Before.
<!-- results: studies/a/table.md -->
old
<!-- end -->
Between.
<!-- results: b.csv -->
<!-- end -->
<!-- results: studies/a/curves.svg -->
<!-- end -->
<!-- results: missing.md -->
kept
<!-- end -->
"""


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "FIGURES", tmp_path / "docs/figures")
    folder = tmp_path / "results"
    (folder / "studies/a").mkdir(parents=True)
    (folder / "studies/a/table.md").write_text("### A\n\n| x |\n|:--|\n| 1 |\n")
    (folder / "studies/a/curves.svg").write_text("<svg/>")
    (folder / "b.csv").write_text("name,mean\nfirst,0.123456\n")
    return folder


def test_blocks_are_filled_and_filled_again(results, tmp_path, capsys):
    page = tmp_path / "docs/page.md"
    page.parent.mkdir()
    page.write_text(PAGE)
    publish.main(results, [page])
    once = page.read_text()
    assert "old" not in once
    assert "### A\n\n| x |\n|:--|\n| 1 |\n\n<!-- end -->\nBetween." in once
    assert re.search(r"\| first +\| +0\.123 \|", once)
    assert "![studies/a/curves.svg](figures/a_curves.svg)" in once
    assert (tmp_path / "docs/figures/a_curves.svg").read_text() == "<svg/>"
    assert "<!-- results: missing.md -->\nkept\n<!-- end -->" in once
    assert "missing.md is not in" in capsys.readouterr().out
    publish.main(results, [page])
    assert page.read_text() == once


def test_a_block_that_does_not_end_swallows_nothing(results, tmp_path):
    page = tmp_path / "page.md"
    text = "<!-- results: b.csv -->\nProse.\n<!-- results: missing.md -->\n<!-- end -->\n"
    page.write_text(text)
    with pytest.raises(ValueError, match=r"page\.md: the block of b\.csv does not end before the next"):
        publish.main(results, [page])
    assert page.read_text() == text


def test_every_block_of_the_docs_names_a_file_that_the_workflow_makes():
    made = re.compile(
        r"(studies/(table|ablation)_\w+/(table\.md|(curves|success|sweep)\.svg)"
        r"|(signal|estimators|failures)/\w+\.(csv|svg)|(full/)?claims(_summary)?\.md)"
    )
    for page in [ROOT / "README.md", *(ROOT / "docs/results").glob("*.md")]:
        opened = re.findall(r"<!-- results: (\S+) -->", page.read_text())
        assert page.read_text().count("<!-- end -->") == len(opened)
        assert [name for name in opened if not made.fullmatch(name)] == []
