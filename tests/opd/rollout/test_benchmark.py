"""The benchmark of the decoders runs on a model folder and compares all."""

import argparse
import re

import pytest

from opd import models
from opd.rollout import benchmark
from opd.spec import ArchitectureSpec


def measured(folder, capsys, vllm: bool) -> list[tuple[str, float, float]]:
    """(way, tokens per second, ratio) of every row printed."""
    benchmark.main(argparse.Namespace(model=folder, responses=2, cap=12, rounds=1, vllm=vllm))
    printed = capsys.readouterr().out
    rows = re.findall(r"^\| *(.*?) *\| *([\d.]+) *\| *([\d.]+) *\|$", printed, re.M)
    return [(name, float(rate), float(ratio)) for name, rate, ratio in rows]


def test_both_decoders_are_measured(folders, capsys):
    rows = measured(folders[0], capsys, vllm=False)
    assert [name for name, _, _ in rows] == ["transformers, static cache", "fused"]
    (_, rate, ratio), (_, other, faster) = rows
    assert min(rate, other) > 0
    assert ratio == 1
    assert faster == pytest.approx(other / rate, abs=0.1)


@pytest.mark.slow
def test_vllm_is_measured_beside_them(tokenizer, tmp_path, capsys):
    pytest.importorskip("vllm", reason="vLLM is not installed")
    # Of heads as wide as vLLM's attention on a CPU wants them.
    architecture = ArchitectureSpec(hidden_size=64, intermediate_size=64, layers=2, heads=2)
    models.save(models.build(architecture, tokenizer, seed=1), tokenizer, tmp_path / "model")
    rows = measured(tmp_path / "model", capsys, vllm=True)
    assert [name for name, _, _ in rows] == ["transformers, static cache", "fused", "vLLM"]
    assert all(rate > 0 for _, rate, _ in rows)


def test_a_model_in_16_bits_has_one_decoder(folders, tmp_path, tokenizer):
    model = models.load(folders[0]).bfloat16()
    models.save(model, tokenizer, tmp_path / "model")
    sampling = benchmark.SamplingSpec(temperature=1, top_p=0.9, max_new_tokens=3)
    ways = benchmark.decoders(tmp_path / "model", ["2 + 2"], sampling)
    assert list(ways) == ["transformers, static cache"]
    assert 1 <= ways["transformers, static cache"]() <= 3
