"""The documentation names what exists, and all of it."""

import re
from pathlib import Path

import yaml

from opd.metrics import MACHINE_METRICS, METRICS
from opd.objectives import OBJECTIVES
from workflows.config.schema import AblationConfig

ROOT = Path(__file__).parent.parent


def test_every_metric_has_its_meaning_in_the_docs():
    page = (ROOT / "docs/reading_the_report.md").read_text()
    for name, meaning in {**METRICS, **MACHINE_METRICS}.items():
        assert f"| `{name}` | {meaning} |" in page


def test_the_methods_table_agrees_with_the_method_files():
    page = (ROOT / "docs/methods.md").read_text()
    first_table, _, _ = page.partition("## What to know")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", first_table, re.M))
    files = {path.stem: path.read_text() for path in (ROOT / "workflows/methods").glob("*.smk")}
    assert rows.keys() == files.keys()
    for name, text in files.items():
        objective, support, renormalised, top_p, _ = re.split(r"\s*\|\s*", rows[name])
        assert f'"name": {objective.replace("`", chr(34))}' in text
        assert support.split()[0] in re.search(r'"support": "(\w+)"', text)[1].replace("_", " ")
        assert ('"outside": "renormalised"' in text) is (renormalised == "yes")
        assert ('"top_p": 0.9' in text) is (top_p == "0.9")
    assert set(OBJECTIVES) <= set(re.findall(r"`(\w+)`", page))


def test_the_ablation_example_is_valid():
    page = (ROOT / "docs/adding_an_ablation.md").read_text()
    example = re.search(r"```yaml\n(.*?)```", page, re.S)[1]
    assert AblationConfig.model_validate(yaml.safe_load(example)).knob == "rollout.top_p"
