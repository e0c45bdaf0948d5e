"""Put a run's tables and figures into README and docs, between their markers.

    python -m workflows.publish --results results/mini README.md docs/results/*.md

A page holds

    <!-- results: studies/table_single_task/table.md -->
    <!-- end -->

and what stands between is replaced: by the text of a Markdown file, by a CSV file as a table, or by a
link to an SVG file, which is copied to docs/results/figures/. A file that the run lacks leaves its block
as it is, and is named.
"""

import argparse
import os
import re
import shutil
from pathlib import Path

import pandas as pd

from programs.command_line import launch
from programs.provenance import ROOT

FIGURES = ROOT / "docs/results/figures"
_BLOCK = re.compile(r"(<!-- results: (?P<file>\S+) -->\n).*?(<!-- end -->)", re.S)


def main(results: Path, pages: list[Path]) -> None:
    """Rewrite the pages; prints which files were missing. ValueError for a block that does not end."""
    for page in pages:
        text = page.read_text()
        for block in _BLOCK.finditer(text):
            if block[0].count("<!-- results:") > 1:
                raise ValueError(
                    f"{page}: the block of {block['file']} does not end before the next one starts"
                )
            if not (results / block["file"]).exists():
                print(f"{page}: {block['file']} is not in {results}; its block stays as it is")
        page.write_text(filled(text, results, page))


def filled(text: str, results: Path, page: Path) -> str:
    """The page's text with every block whose file exists filled anew."""

    def fill(block: re.Match) -> str:
        file = results / block["file"]
        return (
            block[0]
            if not file.exists()
            else f"{block[1]}\n{content(file, block['file'], page)}\n\n{block[3]}"
        )

    return _BLOCK.sub(fill, text)


def content(file: Path, name: str, page: Path) -> str:
    """What a file becomes on a page; `name` is its path in the results."""
    match file.suffix:
        case ".md":
            return file.read_text().strip()
        case ".csv":
            return pd.read_csv(file).to_markdown(index=False, floatfmt=".3g")
        case ".svg":
            figure = FIGURES / name.removeprefix("studies/").replace("/", "_")
            FIGURES.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, figure)
            return f"![{name}]({os.path.relpath(figure, page.resolve().parent)})"
    raise ValueError(f"{name}: Markdown, CSV and SVG files can be published")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=ROOT / "results/mini", metavar="FOLDER")
    parser.add_argument("pages", type=Path, nargs="+", metavar="PAGE.md")
    given = parser.parse_args()
    launch(main, given.results, given.pages)
