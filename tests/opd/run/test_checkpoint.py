"""Checkpoints: whole or absent, and only for the recipe that wrote them."""

import contextlib
import copy

import pytest
import torch
from torch.distributed.checkpoint import FileSystemReader
from torch.optim import AdamW

from opd.run import checkpoint


def trained(student, steps, **options):
    """A copy of the student, and its optimiser, after some steps."""
    model = copy.deepcopy(student)
    optimizer = AdamW(model.parameters(), lr=0.01, **options)
    for _ in range(steps):
        update(model, optimizer)
    return model, optimizer


def update(model, optimizer) -> None:
    model(torch.tensor([[1, 2, 3]])).logits.square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def same(first, second) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_round_trip_and_recipe(student, tmp_path, capsys):
    folder, lines = tmp_path / "checkpoint", ["line\n", "another\n"]
    model, optimizer = trained(student, 2)
    fresh = trained(student, 0)
    assert checkpoint.load(folder, "a", *fresh) == []
    checkpoint.save(folder, "a", lines, model, optimizer)

    assert checkpoint.load(folder, "a", *fresh) == lines
    assert same(fresh[0], model)
    for mine, theirs in zip(optimizer.state.values(), fresh[1].state.values(), strict=True):
        assert mine["step"] == theirs["step"] == 2
        assert torch.equal(mine["exp_avg"], theirs["exp_avg"])
        assert torch.equal(mine["exp_avg_sq"], theirs["exp_avg_sq"])
    assert [path.name for path in folder.iterdir()] == ["step000002"]

    fresh = trained(student, 0)
    assert checkpoint.load(folder, "b", *fresh) == []
    assert "another spec" in capsys.readouterr().out
    assert same(fresh[0], student)


def test_a_checkpoint_before_the_first_update_changes_nothing(student, tmp_path):
    """Adam's first update is as long as ever, in the run that saved and in one that goes on from there."""
    expected, _ = trained(student, 1)
    model, optimizer = trained(student, 0)
    checkpoint.save(tmp_path, "a", ["line\n"], model, optimizer)
    resumed = trained(student, 0)
    assert checkpoint.load(tmp_path, "a", *resumed) == ["line\n"]
    for learner in ((model, optimizer), resumed):
        update(*learner)
        assert same(learner[0], expected)


@pytest.mark.parametrize(("before", "after"), [(None, True), (True, None)])
def test_how_adamw_computes_is_the_resumed_run_s_own(student, tmp_path, before, after):
    """A run that ran out of memory goes on with its optimiser on the host, where it is fused."""
    model, optimizer = trained(student, 1, fused=before, foreach=not before)
    checkpoint.save(tmp_path, "a", ["line\n"], model, optimizer)
    resumed = trained(student, 0, fused=after)
    assert checkpoint.load(tmp_path, "a", *resumed) == ["line\n"]
    (group,) = resumed[1].param_groups
    assert (group["fused"], group["foreach"]) == (after, None)
    update(*resumed)
    expected, _ = trained(student, 2)
    for mine, theirs in zip(resumed[0].parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_checkpoint_of_another_recipe_is_not_in_the_way(student, tmp_path, steps):
    """Whether the new run saves before, at or after its step."""
    model, optimizer = trained(student, 1)
    checkpoint.save(tmp_path, "old", ["line\n"] * 2, model, optimizer)
    assert checkpoint.load(tmp_path, "new", model, optimizer) == []
    checkpoint.save(tmp_path, "new", ["line\n"] * steps, model, optimizer)
    assert len(checkpoint.load(tmp_path, "new", model, optimizer)) == steps


def test_a_kill_while_a_checkpoint_is_removed_leaves_none(student, tmp_path, monkeypatch):
    """Whatever was removed first: nobody resumes from what is left, and nobody stumbles over it."""
    model, optimizer = trained(student, 1)
    checkpoint.save(tmp_path, "old", ["line\n"] * 2, model, optimizer)

    def half(folder):
        (folder / ".metadata").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr("opd.run.checkpoint.shutil.rmtree", half)
        checkpoint.load(tmp_path, "new", model, optimizer)
    assert [path.name for path in tmp_path.iterdir()] == ["step000002"]
    assert checkpoint.load(tmp_path, "old", model, optimizer) == []
    checkpoint.save(tmp_path, "old", ["line\n"] * 2, model, optimizer)
    assert len(checkpoint.load(tmp_path, "old", model, optimizer)) == 2


def test_a_newer_checkpoint_replaces_the_older(student, tmp_path):
    checkpoint.save(tmp_path, "a", ["line\n"] * 9, *trained(student, 1))
    model, optimizer = trained(student, 2)
    checkpoint.save(tmp_path, "a", ["line\n"] * 10, model, optimizer)
    again = trained(student, 0)
    assert len(checkpoint.load(tmp_path, "a", *again)) == 10
    assert same(again[0], model)
    assert [path.name for path in tmp_path.iterdir()] == ["step000010"]


@pytest.mark.parametrize("function", ["dcp.save", "_write", "os.replace"])
def test_an_interrupted_write_leaves_the_old_checkpoint(student, tmp_path, monkeypatch, function):
    model, optimizer = trained(student, 1)
    checkpoint.save(tmp_path, "a", ["line\n"], model, optimizer)

    def fail(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(f"opd.run.checkpoint.{function}", fail)
        checkpoint.save(tmp_path, "a", ["line\n"] * 2, *trained(student, 2))
    again = trained(student, 0)
    assert checkpoint.load(tmp_path, "a", *again) == ["line\n"]
    assert same(again[0], model)

    checkpoint.save(tmp_path, "a", ["line\n"] * 2, *trained(student, 2))
    assert [path.name for path in tmp_path.iterdir()] == ["step000002"]


def test_what_is_not_trained_is_not_stored(student, tmp_path):
    model, _ = trained(student, 0)
    model.base_model.requires_grad_(False)
    optimizer = AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01)
    model(torch.tensor([[1, 2, 3]])).logits.square().sum().backward()
    optimizer.step()
    checkpoint.save(tmp_path, "a", ["line\n"], model, optimizer)
    again = trained(student, 0)[0]
    again.base_model.requires_grad_(False)
    checkpoint.load(tmp_path, "a", again, AdamW(again.lm_head.parameters(), lr=0.01))
    assert same(again, model)
    (folder,) = tmp_path.iterdir()
    stored = FileSystemReader(folder).read_metadata().state_dict_metadata
    assert {name for name in stored if name.startswith("model.")} == {"model.lm_head.weight"}
    assert not any("layers" in name for name in stored)
