"""Model cards: what they state, that a run writes the same one twice, and that a folder loads as they say."""

import re

import pytest
import torch
import yaml
from transformers import Qwen2ForCausalLM

from opd import distill, models
from opd.diagnostics.metrics import CHECK_METRICS, METRICS
from opd.run.card import card, model_name
from opd.spec import DistillSpec
from programs.provenance import provenance
from tests.opd.specs import distill_spec


@pytest.fixture(scope="module")
def runs(folders, tmp_path_factory):
    """The model folders of the same run, made twice."""
    out = tmp_path_factory.mktemp("runs")
    for name in ("one", "two"):
        distill.main(
            distill_spec(steps=2), folders[0], {"chain_arithmetic": folders[1]}, out / name / "seed0"
        )
    return [out / name / "seed0" / "model" for name in ("one", "two")]


def section(text: str, name: str) -> str:
    return re.search(rf"^## {name}\n\n(.*?)(?=\n## |\Z)", text, re.M | re.S)[1]


def cells(table: str) -> list[list[str]]:
    """The rows of a Markdown table below its head."""
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.strip().splitlines()[2:]]


def test_the_same_run_writes_the_same_card(runs):
    first, second = ((folder / "README.md").read_text() for folder in runs)
    assert first == second
    assert str(runs[0].parent) not in first  # it does not say where on which machine


def test_a_run_states_spec_models_data_code_and_its_last_step(runs, folders):
    text = (runs[0] / "README.md").read_text()
    head = yaml.safe_load(text.split("---\n")[1])
    assert (head["library_name"], head["pipeline_tag"]) == ("transformers", "text-generation")
    assert "# test, lsm, seed 0\n" in text
    stated = re.search(r"```json\n(.*?)```", section(text, "Spec"), re.S)[1]
    assert DistillSpec.model_validate_json(stated) == distill_spec(steps=2)
    assert cells(section(text, "Made from")) == [
        ["student", "student", models.fingerprint(folders[0])],
        ["teacher, chain_arithmetic", "teacher", models.fingerprint(folders[1])],
    ]
    assert ["chain_arithmetic", "version", "1"] in cells(section(text, "Training data"))
    assert dict(cells(section(text, "Code"))) == provenance()
    measured = dict(cells(section(text, "At the end of training")))
    assert measured["step"] == "1"
    assert measured.keys() - {"step", "task"} <= METRICS.keys() | CHECK_METRICS.keys()
    assert len(measured["gap_by_position"].split(", ")) == 8


def test_a_folder_loads_as_its_card_says(runs, tokenizer):
    program = re.search(r"```python\n(.*?)```", (runs[0] / "README.md").read_text(), re.S)[1]
    loaded: dict = {"FOLDER": runs[0]}
    exec(program, loaded)
    assert isinstance(loaded["model"], Qwen2ForCausalLM)
    for name, value in models.load(runs[0]).state_dict().items():
        assert torch.equal(loaded["model"].state_dict()[name], value)
    text = "x = 4 ; f * 2 <think> then \\boxed{ 8 }"
    assert loaded["tokenizer"](text)["input_ids"] == tokenizer(text)["input_ids"]


def test_numbers_are_written_out():
    end = {"loss": 0.123456, "step": 12, "empty": None, "places": [1.0, None]}
    text = card("a", "b", distill_spec(), {}, {"games": {"sha256": "0123", "official": True}}, end)
    assert cells(section(text, "At the end of training")) == [
        ["loss", "0.1235"],
        ["step", "12"],
        ["places", "1, -"],
    ]
    assert cells(section(text, "Training data")) == [
        ["games", "sha256", "0123"],
        ["games", "official", "True"],
    ]


def test_a_model_is_called_by_its_folder(tmp_path):
    assert model_name(tmp_path / "teacher" / "model") == "teacher"
    assert model_name(tmp_path / "teacher") == "teacher"
