"""Captions of the HTML report are reStructuredText that docutils reads without a complaint."""

from pathlib import Path

import pytest
from docutils.core import publish_doctree
from docutils.utils import Reporter

CAPTIONS = sorted(Path("workflows/report").glob("*.rst"))


@pytest.mark.parametrize("caption", CAPTIONS, ids=lambda path: path.stem)
def test_captions_are_valid(caption):
    publish_doctree(caption.read_text(), settings_overrides={"halt_level": Reporter.WARNING_LEVEL})
