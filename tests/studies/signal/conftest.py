"""Scores of the tiny random models."""

from pathlib import Path

import pytest

from studies.signal import score
from tests.studies.signal.scores import SPEC


@pytest.fixture(scope="session")
def stored(folders, tmp_path_factory) -> dict[str, Path]:
    """What the program stores of the tiny student, under another model and under itself."""
    student, teacher = folders
    root = tmp_path_factory.mktemp("scores")
    score.main(SPEC, student, teacher, root / "teacher")
    score.main(SPEC, student, student, root / "respelled")
    return {name: root / name for name in ("teacher", "respelled")}
