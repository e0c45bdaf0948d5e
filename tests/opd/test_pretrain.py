"""Models from scratch: Hugging Face folders, selected by measured accuracy."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from opd import models, pretrain
from opd.spec import PretrainSpec

SPEC = {
    "style": "teacher",
    "architecture": {"hidden_size": 8, "intermediate_size": 8, "layers": 1, "heads": 1},
    "seed": 0,
    "steps": 6,
    "tokens_per_step": 200,
    "learning_rate": 0.003,
    "muon_learning_rate": 0.01,
    "warmup_steps": 1,
    "max_new_tokens": 8,
    "development_problems": 4,
    "evaluate_every": 2,
    "stop_at_accuracy": None,
    "accept_accuracy": (0.0, 1.0),
}


def test_transformers_reads_what_we_write(tmp_path, folders, student):
    pretrain.main(PretrainSpec(**SPEC), tmp_path / "model")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert loaded.config.model_type == "qwen2"
    ids = torch.tensor([[1, 5, 9]])
    again = AutoModelForCausalLM.from_pretrained(folders[0])
    torch.testing.assert_close(again(ids).logits, student(ids).logits)


def test_same_seed_same_weights(tmp_path):
    for name in ("first", "second"):
        pretrain.main(PretrainSpec(**SPEC), tmp_path / name)
    assert models.fingerprint(tmp_path / "first") == models.fingerprint(tmp_path / "second")
    pretrain.main(PretrainSpec(**{**SPEC, "seed": 1}), tmp_path / "third")
    assert models.fingerprint(tmp_path / "first") != models.fingerprint(tmp_path / "third")


def test_training_stops_at_the_accuracy_asked_for(tmp_path, monkeypatch, capsys):
    measured = iter([0.1, 0.4, 0.9])
    monkeypatch.setattr(pretrain, "greedy_accuracy", lambda *_: next(measured))
    spec = PretrainSpec(**{**SPEC, "stop_at_accuracy": 0.3, "accept_accuracy": (0.2, 0.5)})
    pretrain.main(spec, tmp_path / "model")
    assert "step 4: development accuracy 0.400" in capsys.readouterr().out
    assert next(measured) == 0.9


def test_an_accuracy_outside_the_range_saves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrain, "greedy_accuracy", lambda *_: 0.1)
    with pytest.raises(ValueError, match=r"accuracy 0\.100, outside \[0\.2, 0\.5\]; change steps"):
        pretrain.main(PretrainSpec(**{**SPEC, "accept_accuracy": (0.2, 0.5)}), tmp_path / "model")
    assert not (tmp_path / "model").exists()
