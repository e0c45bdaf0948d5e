"""The loop on a GPU against the loop on the CPU, which all other tests are about; see docs/gpu_checks.md."""

import math

import pytest
import torch

from opd.diagnostics.metrics import CHECK_METRICS, METRICS
from opd.spec import MemorySpec
from tests.json_lines import read_lines
from tests.opd.runs import train
from tests.opd.specs import METHODS, distill_spec

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU, or OPD_TEST_GPU is not set")
MEMORY = {
    "plain": {},
    "packed": {"pack_sequences": True},
    "recompute": {"recompute_layers": True},
    "offload": {"offload": True},
}


def metrics(spec, folders, out) -> list[dict]:
    train(spec, folders, out)
    return read_lines(out / "metrics.jsonl")


def check(spec, folders, out, monkeypatch) -> None:
    """Every metric of every step, as far as float32 sums in another order allow."""
    on_gpu = metrics(spec, folders, out / "gpu")
    with monkeypatch.context() as patched:
        patched.setattr(torch.cuda, "is_available", lambda: False)
        on_cpu = metrics(spec.model_copy(update={"memory": MemorySpec()}), folders, out / "cpu")
    assert len(on_gpu) == len(on_cpu) == spec.steps
    for ours, expected in zip(on_gpu, on_cpu, strict=True):
        for name in (METRICS.keys() | CHECK_METRICS.keys()) & expected.keys():
            for found, right in zip(numbers(ours[name]), numbers(expected[name]), strict=True):
                assert found == pytest.approx(right, rel=2e-3, abs=2e-5), name


def numbers(value) -> list[float]:
    """A metric's values: some are lists, some null, which is equal to itself here."""
    return [math.inf if each is None else each for each in (value if isinstance(value, list) else [value])]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_the_metrics_of_the_cpu(method, folders, tmp_path, monkeypatch):
    spec = distill_spec(objective=METHODS[method], rollout={"max_new_tokens": 12})
    check(spec, folders, tmp_path, monkeypatch)


@pytest.mark.parametrize("memory", MEMORY)
def test_every_way_to_save_memory_has_them_too(memory, folders, tmp_path, monkeypatch):
    spec = distill_spec(memory=MEMORY[memory], rollout={"max_new_tokens": 12})
    check(spec, folders, tmp_path, monkeypatch)


@pytest.mark.parametrize("memory", ["plain", "offload"])
def test_a_teacher_that_follows_has_them_too(memory, folders, tmp_path, monkeypatch):
    """Offloaded, the student's weights are on the host, and its average is on the GPU."""
    told = {"chain_arithmetic": {"teacher_prompt": "values {solution} ; {question}"}}
    spec = distill_spec(teacher_decay=0.5, tasks=told, memory=MEMORY[memory], rollout={"max_new_tokens": 12})
    check(spec, (folders[0], folders[0]), tmp_path, monkeypatch)
