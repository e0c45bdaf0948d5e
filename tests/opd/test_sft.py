"""SFT warm start: what is learned, its gradient beside plain cross-entropy, and killed runs."""

import json
import math
import random
import re
import shutil
from itertools import chain

import pytest
import torch
from pydantic import ValidationError
from torch.nn.functional import cross_entropy

from opd import models, sft
from opd.run import loop
from programs import provenance
from programs.errors import UserError
from tests.json_lines import read_lines
from tests.opd.doctored import interrupt
from tests.opd.traces import KEPT, sft_spec, write_traces


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    return write_traces(tmp_path_factory.mktemp("traces"))


def plain_loss(model, records) -> torch.Tensor:
    """Cross-entropy of all response tokens, one unpadded sequence at a time."""
    losses = []
    for record in records:
        prompt, response = record["prompt"], record["response"]
        logits = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
        losses.append(cross_entropy(logits, torch.tensor(response), reduction="none"))
    return torch.cat(losses).mean()


def right(traces) -> list[dict]:
    records = read_lines(traces)
    return [record for record in records if record["correct"]]


def gradient(model) -> torch.Tensor:
    found = torch.cat([p.grad.flatten() for p in model.parameters()])
    model.zero_grad()
    return found


@pytest.mark.parametrize("tokens", [10_000, 60, 1])
@pytest.mark.parametrize("packed", [False, True])
def test_gradient_is_that_of_plain_cross_entropy(folders, traces, tokens, packed):
    """In one pass, in a few and one by one, padded and packed."""
    spec = sft_spec(batch_size=KEPT, tokens_per_forward=tokens, memory={"pack_sequences": packed})
    run = sft.start(spec, folders[0], sft.kept_lines(spec, traces))
    loss = sft.accumulate(run, sft.batch_of(run, 0))
    found = gradient(run.student.model)
    expected = plain_loss(run.student.model, right(traces))
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(found, gradient(run.student.model), rtol=1e-4, atol=1e-7)


def test_right_traces_are_learned(folders, traces, tmp_path):
    sft.main(sft_spec(), folders[0], traces, tmp_path)
    records = right(traces)
    before, after = (plain_loss(models.load(f), records).item() for f in (folders[0], tmp_path / "model"))
    assert after < before - 0.2
    lines = read_lines(tmp_path / "metrics.jsonl")
    assert [line["step"] for line in lines] == list(range(3 * math.ceil(KEPT / 4)))
    # Before the first update, of the four traces that it is made of.
    chosen = [records[number] for number in sft.orders(sft_spec(), KEPT)[0]]
    assert lines[0]["loss"] == pytest.approx(plain_loss(models.load(folders[0]), chosen).item(), rel=1e-5)
    assert lines[0]["response_length"] == sum(len(record["response"]) for record in chosen) / 4

    text = (tmp_path / "model" / "README.md").read_text()
    assert models.fingerprint(folders[0]) in text
    assert re.search(r"\| teacher +\| teacher +\| a sum", text)
    assert re.search(rf"^\| traces +\| {KEPT} ", text, re.M)
    manifest = json.loads((tmp_path / "run.json").read_text())
    assert manifest["model"] == models.fingerprint(tmp_path / "model")
    assert not (tmp_path / "checkpoint").exists()


def test_every_epoch_has_every_trace_once_in_an_order_of_its_own():
    epochs = sft.orders(sft_spec(epochs=2), KEPT)
    assert [len(update) for update in epochs] == [4, 4, 1] * 2
    first, second = ([*chain(*updates)] for updates in (epochs[:3], epochs[3:]))
    expected, rng = list(range(KEPT)), random.Random("sft/0")
    for found in (first, second):
        rng.shuffle(expected)
        assert found == expected
    assert first != second


def test_all_traces_can_be_kept(traces):
    assert len(sft.kept_lines(sft_spec(keep="all"), traces)) == 2 * KEPT
    assert len(sft.kept_lines(sft_spec(), traces)) == KEPT


def test_no_correct_trace_is_an_error(folders, traces, tmp_path):
    wrong = tmp_path / "traces.jsonl"
    wrong.write_text(traces.read_text().replace('"correct": true', '"correct": false'))
    wrong.with_suffix(".json").write_text(traces.with_suffix(".json").read_text())
    with pytest.raises(ValueError, match="no correct trace"):
        sft.main(sft_spec(), folders[0], wrong, tmp_path / "out")


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_rate_follows_its_schedule(folders, traces, schedule):
    spec = sft_spec(schedule=schedule)
    run = sft.start(spec, folders[0], sft.kept_lines(spec, traces))
    for step in range(9):
        sft.update(run, step)
        decayed = 0.02 + 0.98 * (1 + math.cos(math.pi * step / 9)) / 2
        expected = 0.01 * (decayed if schedule == "cosine" else 1)
        assert run.student.optimizer.param_groups[0]["lr"] == pytest.approx(expected)


def test_a_killed_run_ends_with_the_same_numbers(folders, traces, tmp_path, monkeypatch, capsys):
    spec = sft_spec(schedule="cosine")
    sft.main(spec, folders[0], traces, tmp_path / "whole")
    with monkeypatch.context() as patched:
        interrupt(patched, sft, "update", at=5)
        with pytest.raises(KeyboardInterrupt):
            sft.main(spec, folders[0], traces, tmp_path / "killed")
    assert [path.name for path in (tmp_path / "killed/checkpoint").iterdir()] == ["step000004"]
    sft.main(spec, folders[0], traces, tmp_path / "killed")
    assert "resuming after step 4" in capsys.readouterr().out
    fingerprints = [models.fingerprint(tmp_path / name / "model") for name in ("whole", "killed")]
    assert fingerprints[0] == fingerprints[1]
    lines = [(tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in ("whole", "killed")]
    whole, resumed = ([{**json.loads(line), "machine": None} for line in each] for each in lines)
    assert whole == resumed


def test_a_run_that_other_code_began_says_so(folders, traces, tmp_path, monkeypatch):
    """Two sessions end behind a checkpoint each."""
    for source, step in (("first", 3), ("second", 5)):
        with monkeypatch.context() as patched:
            patched.setattr(provenance, "code", lambda source=source: {"source_sha256": source})
            interrupt(patched, sft, "update", at=step)
            with pytest.raises(KeyboardInterrupt):
                sft.main(sft_spec(), folders[0], traces, tmp_path)
    monkeypatch.setattr(provenance, "code", lambda: {"commit": "abc", "source_sha256": "last"})
    sft.main(sft_spec(), folders[0], traces, tmp_path)
    manifest = json.loads((tmp_path / "run.json").read_text())
    assert manifest["source_sha256"] == "last"
    assert manifest["resumed_from_source_sha256"] == ["first", "second"]


def test_traces_of_another_tokenizer_are_refused_before_anything_is_trained(folders, traces, tmp_path):
    made = traces.with_suffix(".json")
    kept = made.read_text()
    try:
        made.write_text(json.dumps(json.loads(kept) | {"tokenizer": "another"}))
        with pytest.raises(UserError, match="was made for another tokenizer"):
            sft.main(sft_spec(), folders[0], traces, tmp_path)
        made.unlink()
        with pytest.raises(UserError, match=r"traces\.json is missing"):
            sft.main(sft_spec(), folders[0], traces, tmp_path)
    finally:
        made.write_text(kept)
    assert list(tmp_path.iterdir()) == []


def test_other_code_does_not_resume(folders, traces, tmp_path, monkeypatch, capsys):
    interrupt(monkeypatch, sft, "update", at=5)
    with pytest.raises(KeyboardInterrupt):
        sft.main(sft_spec(), folders[0], traces, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(loop, "code_hash", lambda program: f"other {program}")
    sft.main(sft_spec(), folders[0], traces, tmp_path)
    assert "starting over" in capsys.readouterr().out


def test_other_traces_do_not_resume(folders, traces, tmp_path, monkeypatch, capsys):
    other = shutil.copytree(traces.parent, tmp_path / "other") / traces.name
    first, *rest = other.read_text().splitlines()
    token = json.loads(first)["response"][0]
    changed = json.loads(first) | {"response": [token + 1, *json.loads(first)["response"][1:]]}
    other.write_text("".join(line + "\n" for line in (json.dumps(changed), *rest)))
    with monkeypatch.context() as patched:
        interrupt(patched, sft, "update", at=5)
        with pytest.raises(KeyboardInterrupt):
            sft.main(sft_spec(), folders[0], traces, tmp_path / "run")
    sft.main(sft_spec(), folders[0], other, tmp_path / "run")
    assert "starting over" in capsys.readouterr().out


def test_a_teacher_that_is_not_there_cannot_be_sharded():
    with pytest.raises(ValidationError, match=r"holds no teacher; remove memory\.shard_teachers"):
        sft_spec(memory={"shard_teachers": True})
