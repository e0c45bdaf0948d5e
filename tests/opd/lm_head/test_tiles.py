"""The tiled head against torch on full logits, whatever the tile; and that nothing is vocabulary-wide."""

import pytest
import torch

from opd.lm_head import Head, recomputed, statistics, tiles
from opd.support import top_k


@pytest.fixture(params=[4 * 7, 4 * 64, 2**20])
def tiled(request, monkeypatch):
    monkeypatch.setattr(tiles, "_TILE_BYTES", request.param)
    monkeypatch.setattr(tiles, "_POSITIONS", 4)


def draw(n=11, d=6, v=53):
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(n, d, generator=generator).requires_grad_()
    weight = torch.randn(v, d, generator=generator).requires_grad_()
    return states, weight


@pytest.mark.parametrize("k", [1, 5, 53])
def test_statistics(tiled, k):
    states, weight = draw()
    head = Head(weight, torch.linspace(-1, 1, 53), scale=0.9, softcap=5.0)
    found = statistics(head, states, k)
    logits = head.logits(states).detach()
    log_p = logits.log_softmax(-1)
    torch.testing.assert_close(found.log_normaliser, logits.logsumexp(-1))
    torch.testing.assert_close(found.entropy, -(log_p.exp() * log_p).sum(-1))
    assert torch.equal(found.top_ids, top_k(logits, k))
    torch.testing.assert_close(found.top_logits, logits.topk(k, -1).values)
    assert not found.top_logits.requires_grad


def test_ties_go_to_the_smaller_id_across_tiles(tiled):
    states = torch.ones(5, 2)
    weight = torch.tensor([1.0, 3, 2, 3, 1, 3, 2, 3, 0, 3])[:, None].expand(10, 2)
    assert statistics(Head(weight), states, 4).top_ids.tolist() == [[1, 3, 5, 7]] * 5


def test_recomputed_losses_and_gradients(tiled):
    states, weight = draw()
    target = torch.arange(11)

    def loss(log_p, target):
        return -log_p.gather(-1, target[:, None])[:, 0] + log_p.exp().pow(2).sum(-1)

    found = recomputed(loss, Head(weight), states, target)
    expected = loss((states @ weight.T).log_softmax(-1), target)
    torch.testing.assert_close(found, expected)
    ours = torch.autograd.grad(found.mean(), (states, weight))
    exact = torch.autograd.grad(expected.mean(), (states, weight))
    torch.testing.assert_close(ours, exact)


def test_a_temperature_divides_the_logits_whatever_the_softcap():
    torch.manual_seed(0)
    states, head = torch.randn(5, 8), Head(torch.randn(11, 8), scale=1.7, softcap=3.0)
    torch.testing.assert_close(head.at(2.5).logits(states), head.logits(states) / 2.5)
