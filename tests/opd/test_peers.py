"""The benchmark against TRL: the same inputs on both sides, the same loss, and rows that add up."""

from importlib.util import find_spec

import pytest
import torch

from envs.tokenizer import build_tokenizer
from opd import distill, models, peers
from opd.models import prompt_ids
from opd.peers import FULL, LSM, Step
from tests.opd.runs import accumulate, started

needs_trl = pytest.mark.skipif(find_spec("trl") is None, reason="TRL is not installed: make .venv/peers")


def test_rates_and_ranges():
    steps = [Step(100, 1.0), Step(50, 0.5), Step(30, 1.5)]
    assert peers.rate(steps) == 60
    assert peers.ranged([3.0, 1.0, 2.0], ".1f") == "2.0 [1.0, 3.0]"


def test_rows_leave_out_the_warm_up_and_compare_with_the_first(folders):
    made = {
        "here": lambda *_: [Step(8, 100.0)] * 2 + [Step(8, 1.0)] * 2,
        "there": lambda *_: [Step(2, 1.0)] * 4,
    }
    rows = peers.speed(made, *folders, repeats=3, steps=2)
    assert [row["of the first"] for row in rows] == ["1.00", "0.25"]
    assert rows[0]["tokens per s"] == "8 [8, 8]"
    assert rows[0]["tokens per step"] == 8


def test_the_wide_tokenizer_reads_as_the_narrow_one(tokenizer):
    wide = build_tokenizer(size=151_936)
    assert len(wide) == 151_936
    text = "x = 4 ; f * 2"
    assert prompt_ids(wide, text) == prompt_ids(tokenizer, text)
    assert (wide.eos_token_id, wide.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)


def test_a_loop_here_takes_what_it_generated_and_its_time(folders, monkeypatch):
    monkeypatch.setattr(peers, "CAP", 5)
    monkeypatch.setattr(peers, "RESPONSES", 4)
    steps = peers.here(LSM)(*folders, 2)
    assert len(steps) == 2
    assert all(0 < step.tokens <= 20 and step.seconds > 0 for step in steps)


@needs_trl
def test_trl_gets_the_same_prompts_and_has_the_same_loss(folders, tmp_path):
    """TRL's loss and gradient on a batch that was sampled here, against ours."""
    trainer, _ = peers.trl_trainer(*folders, 1, peers.RESPONSES, True, str(tmp_path))
    spec = peers.spec_of(FULL, 1, 256)
    run = started(spec, folders)
    collected = run.tasks[0].task.collect(run.engine, spec.seed, 0)
    batch = collected.batch

    given, _, _ = trainer._tokenize_prompts([row["prompt"] for row in trainer.train_dataset])
    real = batch.attention & ~batch.generated
    assert given == [tokens[mine].tolist() for tokens, mine in zip(batch.tokens, real, strict=True)]

    comparison = distill.compare(run.student.model, run.tasks[0].teacher, batch, 8, 10_000, "vocabulary")
    ones = torch.ones(len(batch.sampled))
    loss = accumulate(run, batch, comparison, ones, ones)
    width = int(batch.generated.any(0).nonzero()[0])
    inputs = {
        "prompt_ids": batch.tokens[:, :width],
        "prompt_mask": batch.attention[:, :width].long(),
        "completion_ids": batch.tokens[:, width:],
        "completion_mask": batch.generated[:, width:].long(),
    }
    theirs, _, count = trainer._compute_loss(trainer.model, inputs, None)
    assert int(count) == len(batch.sampled)
    assert theirs.item() == pytest.approx(loss, rel=1e-4)
    theirs.backward()
    for name, parameter in run.student.model.named_parameters():
        torch.testing.assert_close(
            trainer.model.get_parameter(name).grad, parameter.grad, rtol=1e-3, atol=1e-5
        )


@needs_trl
@pytest.mark.parametrize("tuned", [False, True])
def test_trl_reports_every_step(folders, monkeypatch, tuned):
    monkeypatch.setattr(peers, "CAP", 5)
    steps = peers.trl(8, tuned)(*folders, 2)
    assert len(steps) == 2
    assert all(0 < step.tokens <= 5 * peers.RESPONSES and step.seconds > 0 for step in steps)


def test_models_of_the_memory_table_have_every_id(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "_WIDE", 300)
    peers.write_wide(tmp_path)
    shapes = {name: models.load(tmp_path / name) for name in ("student", "teacher")}
    assert {model.config.vocab_size for model in shapes.values()} == {300}
    assert shapes["student"].config.hidden_size < shapes["teacher"].config.hidden_size
