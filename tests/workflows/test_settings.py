"""The ledger covers every knob of the paper's scale, and its page shows the values that are run."""

import copy
import re
import runpy
import sys

import pytest

from workflows import settings
from workflows.explain import ConfigError, check
from workflows.scale import CONFIG, plan, read

PAPER = [CONFIG / "paper.yaml"]


@pytest.fixture(scope="module")
def config() -> dict:
    return settings.values(plan(read(PAPER)))


def test_the_page_is_what_the_ledger_and_the_config_make(config):
    made = settings.page(settings.ledger(), config)
    assert settings.PAGE.read_text() == made, "run python -m workflows.settings"


def test_help_writes_no_page(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["settings", "--help"])
    before = settings.PAGE.stat().st_mtime_ns
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(settings.__file__, run_name="__main__")
    assert "where every value of the paper's scale comes from" in capsys.readouterr().out
    assert settings.PAGE.stat().st_mtime_ns == before


def test_every_knob_has_an_entry(config):
    assert settings.uncovered(settings.ledger(), config) == []


def test_a_new_knob_without_an_entry_is_found(config):
    changed = copy.deepcopy(config)
    changed["distill"]["optimizer"]["amsgrad"] = True
    changed["evaluation"]["protocols"].append({"name": "greedy", "samples": 1})
    changed["tasks"]["webshop"] = {"environment": "shop"}
    missing = settings.uncovered(settings.ledger(), changed)
    # Protocols are one entry, so that another one needs none.
    assert missing == ["tasks.webshop.environment", "distill.optimizer.amsgrad"]


def test_a_knob_of_the_same_beginning_is_not_covered(config):
    changed = copy.deepcopy(config)
    changed["distill"]["steps_of_warmup"] = 3
    assert settings.uncovered(settings.ledger(), changed) == ["distill.steps_of_warmup"]


def test_our_value_is_the_config_s(config):
    assert settings.ours("distill.rollout.prompts", config) == "16"
    assert settings.ours("methods.lsm.rollout.top_p", config) == "0.9"
    assert settings.ours("evaluation.protocols", config).startswith("pass@1.samples 1, ")
    changed = copy.deepcopy(config)
    changed["distill"]["rollout"]["prompts"] = 5
    page = settings.page(settings.ledger(), changed)
    assert re.search(r"^\| `distill.rollout.prompts` \|.* \| 5 \|", page, re.M)


def test_an_entry_without_a_knob_is_refused(config):
    with pytest.raises(KeyError, match=r"distill\.stepz"):
        settings.ours("distill.stepz", config)


def test_disputed_settings_come_first(config):
    book = settings.ledger()
    assert book.by_knob["distill.objective.reduction"].disputed
    assert not book.by_knob["distill.rollout.temperature"].disputed
    assert not book.by_knob["distill.vocabulary_size"].disputed
    first = settings.page(book, config).split("\n## ")[1]
    assert "`distill.objective.reduction`" in first
    assert "`distill.rollout.temperature`" not in first


def test_an_empty_entry_is_refused():
    with pytest.raises(ConfigError, match="write paper, readme, code or why"):
        check(settings.Ledger, {"knobs": {"A": {"b": {}}}, "without_knob": {}}, "ledger")
