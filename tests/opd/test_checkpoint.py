"""Checkpoints: whole or absent, and only for the recipe that wrote them."""

import contextlib

import torch

from opd import checkpoint


def test_round_trip_and_recipe(tmp_path, capsys):
    path = tmp_path / "checkpoint.pt"
    assert checkpoint.load(path, "a") is None
    checkpoint.save(path, "a", {"weights": torch.arange(3), "metrics": ["line\n"]})
    state = checkpoint.load(path, "a")
    assert state["weights"].tolist() == [0, 1, 2]
    assert state["metrics"] == ["line\n"]
    assert checkpoint.load(path, "b") is None
    assert "another spec" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_an_interrupted_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, "a", {"step": 1})

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.os, "replace", fail)
    with contextlib.suppress(KeyboardInterrupt):
        checkpoint.save(path, "a", {"step": 2})
    assert checkpoint.load(path, "a") == {"step": 1}
