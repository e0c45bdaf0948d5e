"""The comparison of ways to score a teacher: they agree, and one that does not is noticed."""

import argparse

import pytest
import torch

from opd.plan import trial
from opd.scoring import benchmark
from opd.scoring.benchmark import Scored, apart, by_torch, error, sequences, shape_of

OPTIONS = argparse.Namespace(
    sequences=3, tokens=20, top_k=5, tokens_per_forward=32, rounds=1, threads=1, model=None
)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return trial.build(shape_of(64, 2, 100))


def test_our_scores_are_those_of_single_tokens(model):
    batch = sequences(100, 3, 20)
    assert batch.lengths.tolist() == [15, 15, 15]
    scored = by_torch(model, batch, 5, 32)
    assert scored.top.shape == (45, 5)
    assert error(model, batch, scored) < 1e-5
    shifted = Scored(scored.sampled.roll(1), scored.top)
    assert error(model, batch, shifted) > 0.1
    assert apart(scored, shifted) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("spoiled", [False, True])
def test_vllm_agrees_in_both_of_its_forms(model, tmp_path, monkeypatch, capsys, spoiled):
    pytest.importorskip("vllm", reason="vLLM is not installed")
    model.save_pretrained(tmp_path)
    if spoiled:
        monkeypatch.setattr(benchmark, "by_torch", lambda *_: Scored(torch.zeros(45), torch.zeros(45, 5)))
        with pytest.raises(FloatingPointError, match="which is no rounding"):
            benchmark.main(tmp_path, OPTIONS)
        return
    benchmark.main(tmp_path, OPTIONS)
    printed = capsys.readouterr().out
    assert "3 sequences of 20 tokens, K 5" in printed
    assert printed.count("| vLLM,") == 2
