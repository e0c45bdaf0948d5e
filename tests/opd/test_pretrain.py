"""Models from scratch: Hugging Face folders, selected by measured accuracy."""

import pytest
import torch
from pydantic import ValidationError
from transformers import AutoModelForCausalLM

from opd import models, pretrain
from opd.spec import LessonSpec, PretrainSpec
from opd.supervised import lessons

ARITHMETIC = {
    "style": "teacher",
    "max_new_tokens": 8,
    "development_problems": 4,
    "stop_at_accuracy": None,
    "accept_accuracy": (0.0, 1.0),
}
SPEC = {
    "tasks": {"chain_arithmetic": ARITHMETIC},
    "architecture": {"hidden_size": 8, "intermediate_size": 8, "layers": 1, "heads": 1},
    "seed": 0,
    "steps": 6,
    "tokens_per_step": 200,
    "learning_rate": 0.003,
    "muon_learning_rate": 0.01,
    "warmup_steps": 1,
    "evaluate_every": 2,
}


def spec(**arithmetic) -> PretrainSpec:
    """SPEC with changes to its arithmetic lesson."""
    return PretrainSpec(**{**SPEC, "tasks": {"chain_arithmetic": {**ARITHMETIC, **arithmetic}}})


def test_transformers_reads_what_we_write(tmp_path, folders, student):
    pretrain.main(PretrainSpec(**SPEC), tmp_path / "model")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert loaded.config.model_type == "qwen2"
    ids = torch.tensor([[1, 5, 9]])
    again = AutoModelForCausalLM.from_pretrained(folders[0])
    torch.testing.assert_close(again(ids).logits, student(ids).logits)
    assert "| accuracy, chain_arithmetic | 0" in (tmp_path / "model" / "README.md").read_text()


def test_the_end_token_is_the_models_own(tmp_path):
    pretrain.main(PretrainSpec(**SPEC, end_token="<|endoftext|>"), tmp_path / "model")
    assert models.load_tokenizer(tmp_path / "model").eos_token == "<|endoftext|>"
    assert models.load(tmp_path / "model").config.eos_token_id == 0


def test_same_seed_same_weights(tmp_path):
    for name in ("first", "second"):
        pretrain.main(PretrainSpec(**SPEC), tmp_path / name)
    assert models.fingerprint(tmp_path / "first") == models.fingerprint(tmp_path / "second")
    pretrain.main(PretrainSpec(**{**SPEC, "seed": 1}), tmp_path / "third")
    assert models.fingerprint(tmp_path / "first") != models.fingerprint(tmp_path / "third")


def test_training_stops_at_the_accuracy_asked_for(tmp_path, monkeypatch, capsys):
    measured = iter([0.1, 0.4, 0.45, 0.9])
    monkeypatch.setattr(lessons, "greedy_accuracy", lambda *_: next(measured))
    pretrain.main(spec(stop_at_accuracy=0.3, accept_accuracy=(0.2, 0.5)), tmp_path / "model")
    assert capsys.readouterr().out.splitlines() == [
        "step 2: chain_arithmetic accuracy 0.100",
        "step 4: chain_arithmetic accuracy 0.400",
        "end: chain_arithmetic accuracy 0.450",
    ]
    assert next(measured) == 0.9


def test_an_accuracy_outside_the_range_saves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(lessons, "greedy_accuracy", lambda *_: 0.1)
    with pytest.raises(ValueError, match=r"arithmetic accuracy 0\.100, outside \[0\.2, 0\.5\]; change steps"):
        pretrain.main(spec(accept_accuracy=(0.2, 0.5)), tmp_path / "model")
    assert not (tmp_path / "model").exists()


class Stub:
    """A lesson whose batches are one pair and whose accuracies are given."""

    def __init__(self, share: float, stop: float | None, *accuracies: float) -> None:
        self.spec = LessonSpec(share=share, stop_at_accuracy=stop, accept_accuracy=(0, 1))
        self.batches, self._accuracies = 0, iter(accuracies)

    def batch(self, progress: float, tokens: int):
        self.batches += 1
        return [([1, 5], [9, 2])]

    def accuracy(self, model) -> float:
        return next(self._accuracies)

    def describe(self) -> dict[str, str | int]:
        return {"version": 1}


def learn(monkeypatch, folder, steps: int, **tasks: Stub) -> None:
    monkeypatch.setattr(lessons, "load", lambda *_: tasks)
    pretrain.main(PretrainSpec(**{**SPEC, "steps": steps}), folder)


def test_steps_are_shared_by_the_tasks(tmp_path, monkeypatch):
    often, rarely = Stub(3.0, None, 0.0), Stub(1.0, None, 0.0)
    learn(monkeypatch, tmp_path / "model", 200, often=often, rarely=rarely)
    assert often.batches + rarely.batches == 200
    assert often.batches == pytest.approx(150, abs=20)


def test_training_stops_where_all_tasks_that_ask_are_good_enough(tmp_path, monkeypatch):
    """The second is asked only where the first is good enough; the third is measured in the end only."""
    first, second = Stub(1.0, 0.5, 0.6, 0.4, 0.6, 0.7), Stub(1.0, 0.2, 0.1, 0.2, 0.3)
    third = Stub(1.0, None, 0.8)
    learn(monkeypatch, tmp_path / "model", 20, first=first, second=second, third=third)
    assert first.batches + second.batches + third.batches == 6


def test_something_must_be_learnt():
    with pytest.raises(ValidationError, match="nothing to learn; write chain_arithmetic, alfworld, or both"):
        PretrainSpec(**{**SPEC, "tasks": {}})
