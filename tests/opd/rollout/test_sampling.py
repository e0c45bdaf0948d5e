"""The next-token draw against transformers' own nucleus and against exact frequencies."""

import numpy as np
import pytest
import torch
from transformers import TopPLogitsWarper

from opd.rollout.sampling import draw, seed, uniforms


def grid(count: int) -> torch.Tensor:
    """Evenly spaced numbers in (0, 1): drawing with all of them gives exact frequencies."""
    return (torch.arange(count, dtype=torch.float64) + 0.5) / count


@pytest.mark.parametrize("top_p", [1.0, 0.95, 0.9, 0.5, 0.01])
@pytest.mark.parametrize("temperature", [1.0, 0.6, 1.7])
def test_frequencies_equal_the_nucleus_of_transformers(top_p, temperature):
    logits = torch.randn(1, 40, generator=torch.Generator().manual_seed(3)) * 2
    scaled = logits / temperature
    kept = scaled if top_p == 1 else TopPLogitsWarper(top_p)(torch.zeros(1, 0), scaled)
    expected = kept.softmax(-1)[0]

    count = 100_000
    drawn, log_prob, own = draw(logits.expand(count, -1), grid(count), temperature, top_p)
    frequencies = torch.bincount(drawn, minlength=40) / count
    assert (frequencies - expected).abs().max() < 2e-5
    assert not frequencies[expected == 0].any()
    torch.testing.assert_close(log_prob.exp(), expected[drawn].double(), rtol=1e-5, atol=0)
    model = logits[0].double().log_softmax(-1)
    torch.testing.assert_close(own, model[drawn], rtol=0, atol=1e-5)


def test_temperature_zero_is_the_most_probable_token():
    logits = torch.tensor([[0.0, 3.0, 1.0], [5.0, 3.0, 1.0]])
    drawn, log_prob, own = draw(logits, torch.tensor([0.99, 0.99]), 0, 1)
    assert drawn.tolist() == [1, 0]
    assert log_prob.tolist() == [0, 0]
    torch.testing.assert_close(own, logits.double().log_softmax(-1).amax(-1), rtol=0, atol=1e-6)


def test_extreme_uniforms_stay_inside_the_nucleus():
    logits = torch.tensor([[0.0, 10.0, -torch.inf, 9.0]] * 2, dtype=torch.float32)
    ends = torch.tensor([0.0, 1.0 - 1e-16], dtype=torch.float64)
    for top_p in (1.0, 0.9):
        drawn, log_prob, own = draw(logits, ends, 1.0, top_p)
        assert set(drawn.tolist()) <= {0, 1, 3}
        assert log_prob.isfinite().all()
        assert own.isfinite().all()


@pytest.mark.parametrize("tied", [5, 40])
def test_tokens_that_tie_are_drawn_alike_in_every_batch(tied):
    """Equal favourites, some of them inside the nucleus, alone and beside a row that needs a whole sort."""
    generator = torch.Generator().manual_seed(0)
    for uniform in grid(100):
        logits = torch.randn(2, 300, generator=generator)
        logits[0, torch.randperm(300, generator=generator)[:tied]] = 9.0
        logits[1] = 0.0
        alone, together = (draw(logits[:rows], uniform.expand(rows), 1.0, 0.5) for rows in (1, 2))
        assert alone.token[0] == together.token[0]


def test_streams_depend_on_their_key_alone():
    together = uniforms(["a", "b", "c"], 5)
    assert torch.equal(together[1], uniforms(["b"], 5)[0])
    assert torch.equal(together[1, :3], uniforms(["b"], 3)[0])
    assert not torch.equal(together[0], together[1])


def test_streams_are_uniform():
    values = uniforms([f"key {i}" for i in range(200)], 100).numpy().ravel()
    counts, _ = np.histogram(values, bins=20, range=(0, 1))
    assert counts.sum() == 20_000
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8  # chi-square, 19 degrees of freedom, p = 0.001


def test_seeds_are_those_of_every_machine():
    """sha256("evaluation/math500/1/0") begins with these digits; Python's hash() differs per process."""
    assert seed("evaluation/math500/1/0") == 0x69CDB68736594AA4 >> 1
    seeds = {seed(f"evaluation/math500/{problem}/{j}") for problem in range(500) for j in range(16)}
    assert len(seeds) == 500 * 16
    assert min(seeds) >= 0
    assert max(seeds) < 2**63
