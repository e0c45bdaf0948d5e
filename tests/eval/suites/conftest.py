"""A made-up suite, and places for its data that are not this machine's."""

from dataclasses import replace

import pytest

from eval import suites
from eval.suites import content
from eval.suites.suite import Copy, Hub
from tests.eval.suites.made_up import ROWS


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """No named folder, an empty cache, and a hub that cannot be reached."""
    import datasets
    import huggingface_hub.constants

    monkeypatch.delenv("OPD_MATH_DATA", raising=False)
    monkeypatch.setenv("OPD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")


@pytest.fixture
def suite():
    """aime25's definition around three problems of our own; no copy is known."""
    return replace(
        suites.get("aime25"), name="tiny", counts=(3,), copies=(), hub=Hub("nobody/tiny", "test", None)
    )


@pytest.fixture
def known(suite):
    """The same, with the copy `ROWS` known."""
    from eval.suites import rows

    return replace(suite, copies=(Copy(content.sha256(rows.items(suite, ROWS)), "ours"),))
