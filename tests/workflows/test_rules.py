"""The shell commands of the rules, as text."""

import re
from pathlib import Path

import pytest

from programs.provenance import ROOT

FILES = [*sorted(ROOT.glob("workflows/rules/*.smk")), *sorted(ROOT.glob("workflows/methods/*.smk"))]
# What shells must split into words, and numbers.
WORDS = {"resources.launcher", "resources.gpu"}


def commands() -> list[str]:
    """The text of every `shell:`, its lines as they stand."""
    return [
        command
        for file in FILES
        for command in re.findall(r'^ +shell:\n((?: +".*"\n)+)', file.read_text(), re.M)
    ]


def test_whatever_may_hold_a_space_is_quoted():
    """A repository, a folder of results, a name or a text of the config may."""
    placeholders = [found for command in commands() for found in re.findall(r"{([^{}]+)}", command)]
    assert len(commands()) == sum(file.read_text().count("shell:") for file in FILES) > 15
    assert {name for name in placeholders if not name.endswith(":q")} == WORDS


@pytest.mark.parametrize(
    ("rule", "read"),
    [
        ("score", "manifests=manifests,"),  # they say which copies of the suites were asked
        ("lm_eval_crosscheck", "manifests="),
        ("table", "runs=runs,"),
        ("table", "training_code=TRAINING_CODE,"),  # it says which runs are of another
        ("reinforce", "panels=reinforce_panels,"),
        ("contamination", "training=PLAN.contamination_file or [],"),
    ],
)
def test_a_rule_is_run_again_when_what_it_reads_changes(rule, read):
    """Where dry runs cannot tell: something else of the rule changes, too, or no config that ships has it."""
    text = re.search(rf"^ *rule {rule}:\n(?:(?: .*)?\n)+", "".join(map(Path.read_text, FILES)), re.M)[0]
    assert read in text
