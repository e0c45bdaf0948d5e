"""Captions of the HTML report are reStructuredText that docutils reads without a complaint."""

import pytest
from docutils.core import publish_doctree
from docutils.utils import Reporter

from programs.provenance import ROOT

CAPTIONS = sorted(ROOT.glob("workflows/report/*.rst"))


def test_there_are_captions():
    assert CAPTIONS


@pytest.mark.parametrize("caption", CAPTIONS, ids=lambda path: path.stem)
def test_captions_are_valid(caption):
    publish_doctree(caption.read_text(), settings_overrides={"halt_level": Reporter.WARNING_LEVEL})
