"""Trackers get every number of every step, once, and change nothing of a run."""

import json
from itertools import pairwise

import pytest

from opd import distill
from opd.run import tracking
from tests.json_lines import read_lines
from tests.opd.doctored import interrupt
from tests.opd.specs import distill_spec

LINE = {
    "step": 3,
    "task": "games",
    "loss": 0.5,
    "clip_fraction": None,
    "gap_by_position": [1.0, None, 2.0],
    "machine": {"rollout_tokens_per_s": 7.0, "device": "cpu", "device_gib": None},
}


def train(folders, out) -> list[dict]:
    distill.main(distill_spec(), folders[0], {"chain_arithmetic": folders[1]}, out)
    return read_lines(out / "metrics.jsonl")


def test_a_line_becomes_flat_names():
    assert tracking.scalars(LINE) == {
        "games/loss": 0.5,
        "games/gap_by_position/0": 1.0,
        "games/gap_by_position/2": 2.0,
        "machine/rollout_tokens_per_s": 7.0,
    }


def test_without_the_variable_nothing_is_written(folders, tmp_path, monkeypatch):
    monkeypatch.delenv("OPD_TRACKING", raising=False)
    train(folders, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.jsonl", "model", "run.json"]


@pytest.mark.parametrize(
    ("value", "missing", "error", "message"),
    [
        ("mlflow", None, ValueError, "OPD_TRACKING has 'mlflow'; write one or both of tensorboard, wandb"),
        ("wandb", "wandb", ModuleNotFoundError, r"pip install '\.\[wandb\]'"),
    ],
)
def test_what_cannot_be_done_is_said(monkeypatch, value, missing, error, message):
    monkeypatch.setenv("OPD_TRACKING", value)
    find_spec = tracking.find_spec
    monkeypatch.setattr(tracking, "find_spec", lambda name: None if name == missing else find_spec(name))
    with pytest.raises(error, match=message):
        tracking.chosen()


def read_events(folder) -> dict[str, list[tuple[int, float]]]:
    """Every scalar in TensorBoard's files, by name."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_tensorboard_holds_the_metrics_of_a_run_that_was_killed_and_resumed(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("OPD_TRACKING", "tensorboard")
    with monkeypatch.context() as patched:
        interrupt(patched, distill, "distill_step", at=3)
        with pytest.raises(KeyboardInterrupt):
            train(folders, tmp_path)
    lines = train(folders, tmp_path)
    assert len(lines) == 4
    found = read_events(tmp_path / "tensorboard")
    for name in ("loss", "overlap", "gradient_norm"):
        expected = [(line["step"], pytest.approx(line[name])) for line in lines]
        assert found[f"chain_arithmetic/{name}"] == expected
    assert found.keys() == set().union(*(tracking.scalars(line) for line in lines))
    assert all(a < b for steps in found.values() for (a, _), (b, _) in pairwise(steps))


def test_wandb_offline_holds_the_metrics_of_a_run(folders, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="Weights & Biases is not installed")
    monkeypatch.setenv("OPD_TRACKING", "wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    lines = train(folders, tmp_path / "run")
    (file,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    history = read_history(file)
    assert [row["_step"] for row in history] == [line["step"] for line in lines]
    for row, line in zip(history, lines, strict=True):
        assert row["chain_arithmetic/loss"] == pytest.approx(line["loss"])
        assert tracking.scalars(line).keys() <= row.keys()


def read_history(file) -> list[dict]:
    """The rows that were logged, from an offline run's own file: a log of blocks as LevelDB writes them."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, block, place, pieces, rows = file.read_bytes(), 32768, 7, b"", []  # after W&B's own header
    while place + 7 <= len(data):
        if block - place % block < 7:  # the rest of a block is padding
            place += block - place % block
            continue
        length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        pieces += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # a whole record, or the last piece of one
            record = Record.FromString(pieces)
            pieces = b""
            if record.WhichOneof("record_type") == "history":
                items = record.history.item
                rows.append({i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items})
    return rows
