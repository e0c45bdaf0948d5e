"""The terse grammar: shorter observations, everything else as it was."""

import json
import re

import pytest

from envs.alfworld import rules, terse
from programs.errors import UserError


def wordings(grammar):
    return [json.loads(found) for found in re.findall(r'"rhs": (".*")', grammar)]


def test_only_what_is_said_changes():
    standard, short = rules.grammar("win"), terse.grammar("win")
    assert re.sub(r'"rhs": ".*"', "", short) == re.sub(r'"rhs": ".*"', "", standard)
    assert len(wordings(short)) == len(wordings(standard))


def test_the_task_stands_in_the_opening():
    assert "Your task is to: win." in wordings(terse.grammar("win"))
    assert wordings(terse.grammar("win"))[0] == "#look.feedback#\n#task#"


def test_no_reachable_wording_keeps_a_sentence():
    """What is left of the old form: the task, and actions that the domain does not have."""
    kept = [wording for wording in wordings(terse.grammar("win")) if re.search(r"\b[Yy]ou\b", wording)]
    assert all(wording.startswith(("Pickup", "Put", "Your task")) for wording in kept)


def test_another_grammar_is_refused():
    with pytest.raises(UserError, match="it never says"):
        terse.terse(rules.grammar("win").replace("You close the", "You shut the"))
