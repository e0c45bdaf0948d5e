"""The devices of a machine, as its driver lists them."""

import subprocess

import pytest

from opd.plan import devices

LISTED = "0, GPU-aa, NVIDIA A100-SXM4-80GB, 81920\n1, GPU-bb, NVIDIA A100-SXM4-40GB, 40960\n"
LARGE, SMALL = ("NVIDIA A100-SXM4-80GB", 80.0), ("NVIDIA A100-SXM4-40GB", 40.0)


@pytest.fixture
def listed(monkeypatch):
    """A driver that lists what it is told to."""

    def driver(text):
        done = subprocess.CompletedProcess([], 0, stdout=text)
        monkeypatch.setattr(devices.subprocess, "run", lambda *a, **k: done)

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return driver


def test_all_devices_or_those_that_are_allowed(listed, monkeypatch):
    listed(LISTED)
    assert devices.visible() == [LARGE, SMALL]
    for named, cards in {"1": [SMALL], "GPU-bb, 0": [SMALL, LARGE], "MIG-cc": [LARGE], "": []}.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
        assert devices.visible() == cards


@pytest.mark.parametrize(
    ("named", "cards"),
    [("-1", []), ("1, -1, 0", [SMALL]), ("0,2,1", [LARGE]), ("none", []), ("1,,0", [SMALL])],
)
def test_what_names_no_device_ends_the_list_as_for_cuda(listed, monkeypatch, named, cards):
    listed(LISTED)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert devices.visible() == cards


def test_numbers_are_believed_where_no_driver_lists_them(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0, GPU-5c, 3, -1, 1")
    assert devices.allowed({}) == ["0", "GPU-5c", "3"]


def test_no_driver_is_no_device(monkeypatch):
    monkeypatch.setattr(devices, "_QUERY", ["/nowhere/nvidia-smi"])
    assert devices.visible() == []
    assert devices.here() == "h100"


def test_a_driver_that_fails_shows_no_device_and_says_why(monkeypatch, capsys):
    failing = "echo 'Driver/library version mismatch'; exit 18"
    monkeypatch.setattr(devices, "_QUERY", ["sh", "-c", failing])
    assert devices.visible() == []
    assert capsys.readouterr().err == "sh shows no GPU: Driver/library version mismatch\n"


@pytest.mark.parametrize(
    ("card", "key"),
    [
        ("0, GPU-aa, NVIDIA A100-SXM4-40GB, 40960", "a100-40"),
        ("0, GPU-aa, NVIDIA A100-SXM4-80GB, 81920", "a100-80"),
        ("0, GPU-aa, NVIDIA GeForce RTX 4090, 24564", "rtx4090"),
        ("0, GPU-aa, NVIDIA H200, 143771", "h200"),
        ("0, GPU-aa, Tesla V100, 16384", "h100"),
    ],
)
def test_a_card_is_found_in_the_table(listed, card, key):
    listed(card)
    assert devices.here() == key


def test_this_machine_has_memory():
    assert devices.host_memory_gib() > 0.1


@pytest.mark.parametrize(
    ("line", "file", "text", "limited"),
    [
        ("0::/slurm/job_1/step", "slurm/job_1/memory.max", "50000000\n", True),
        ("0::/slurm/job_1", "slurm/job_1/memory.max", "max\n", False),
        ("0::/", "memory.max", "50000000\n", True),
        ("9:memory:/a", "memory/a/memory.limit_in_bytes", "50000000\n", True),
        ("9:memory:/elsewhere", "memory/memory.limit_in_bytes", "50000000\n", True),
        ("8:pids:/a", "pids/a/memory.max", "50000000\n", False),
    ],
)
def test_a_control_group_may_allow_less(monkeypatch, tmp_path, line, file, text, limited):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    (tmp_path / "own").write_text(f"1:name=systemd:/\n{line}\n")
    monkeypatch.setattr(devices, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(devices, "_GROUPS", tmp_path)
    assert (devices.host_memory_gib() == 50_000_000 / 2**30) == limited
