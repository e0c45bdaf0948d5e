"""A logit is one number: in bfloat16, too, log-probabilities are differences of float32 sums."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from opd.batch import from_pairs
from opd.lm_head import Head, head_of, product, recomputed, statistics, support_logits, tiles
from opd.loss import position_losses
from opd.models import device
from opd.run.machine import LiveTensors
from opd.scoring.compare import compare
from opd.spec import ObjectiveSpec
from tests.opd.lm_head.chosen import use

# Float32 sums in another order, of logits near 30, differ by a few of their last bits, 2e-6 each.
ROUNDING = 2e-5
DEVICE = device()
BATCH = from_pairs(
    [([1, 10, 20], list(range(40, 60))), ([2, 11], [41]), ([3], list(range(60, 80)))], pad_id=0
).to(DEVICE)
# Zero at p = q, position by position; `forward_kl` without the mass outside is not, nor `reverse_kl`.
OBJECTIVES = [
    ("stop_gradient_reverse_kl", "teacher_top_k", "ignored"),
    ("generalised_kl", "teacher_top_k", "ignored"),
    *(
        (name, "teacher_top_k", outside)
        for name in ("reverse_kl", "forward_kl", "jensen_shannon")
        for outside in ("renormalised", "tail_bucket")
    ),
    *((name, "vocabulary", "ignored") for name in ("reverse_kl", "forward_kl", "jensen_shannon")),
    ("k2", "sampled", "ignored"),
    ("k3", "sampled", "ignored"),
]


@pytest.fixture(params=[2**14, 2**27], ids=["many tiles", "one tile"])
def tiled(request, monkeypatch):
    monkeypatch.setattr(tiles, "_TILE_BYTES", request.param)
    monkeypatch.setattr(product, "_BLOCK_BYTES", request.param)


def certain(n=200, d=128, v=1500):
    """States, weight and tokens in bfloat16 whose logits are near 24, and probabilities near 1."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(v, d, generator=generator).bfloat16()
    sampled = torch.randint(v, (n,), generator=generator)
    directions = torch.nn.functional.normalize(weight[sampled].float(), dim=-1)
    states = 24 / d**0.5 * directions + 0.05 * torch.randn(n, d, generator=generator)
    return states.bfloat16().to(DEVICE), weight.to(DEVICE), sampled.to(DEVICE)


def test_log_probabilities_in_bfloat16_are_those_of_float64(tiled):
    states, weight, sampled = certain()
    head = Head(weight)
    logits = states.double() @ weight.double().T
    assert 20 < logits.max() < 32
    found = statistics(head, states, 32)
    own = support_logits(head, states, sampled[:, None])[:, 0] - found.log_normaliser
    assert (own - logits.log_softmax(-1).gather(-1, sampled[:, None])[:, 0]).abs().max() < ROUNDING
    assert own.max() <= ROUNDING
    masses = (found.top_logits - found.log_normaliser[:, None]).exp().sum(-1)
    assert masses.max() <= 1 + ROUNDING
    again = recomputed(lambda log_p, token: log_p.gather(-1, token[:, None])[:, 0], head, states, sampled)
    assert (again - own).abs().max() < ROUNDING


@pytest.mark.parametrize("implementation", ["gather", "dense", "fused"])
def test_logits_of_a_support_are_those_of_the_vocabulary(monkeypatch, tiled, implementation):
    use(monkeypatch, implementation)
    states, weight, _ = certain(n=20)
    ids = torch.arange(0, 1500, 100, device=DEVICE).expand(20, -1)
    low = weight[:3], weight[:, :3], 0.2
    for head in (Head(weight), Head(weight, weight[:, 0], 0.9, 30.0), Head(weight, lora=low)):
        found, whole = support_logits(head, states, ids), head.logits(states).gather(-1, ids)
        assert found.dtype == whole.dtype == torch.float32
        assert (found - whole).abs().max() < ROUNDING


@pytest.fixture(scope="module")
def sharp(student):
    """A student in bfloat16 with logits up to 30, as large models have."""
    model = type(student)(student.config).bfloat16().eval().to(DEVICE)
    with torch.no_grad():
        model.load_state_dict(student.state_dict())
        model.lm_head.weight *= 30 / float(model(BATCH.tokens).logits.max())
    return model


@pytest.mark.parametrize(("name", "support", "outside"), OBJECTIVES)
def test_nothing_is_to_be_learned_from_oneself(sharp, name, support, outside):
    spec = ObjectiveSpec(name=name, support=support, outside=outside, reduction="token_mean")
    losses, gradient, log_p, old = first_step(sharp, spec)
    assert losses.abs().max() < ROUNDING
    assert gradient < 1e-3
    if log_p is not None:
        assert (log_p - old).abs().max() < ROUNDING


def test_the_first_ratio_is_one(sharp):
    spec = ObjectiveSpec(name="policy_gradient", support="sampled", reduction="token_mean")
    losses, _, log_p, old = first_step(sharp, spec)
    assert ((log_p - old).exp() - 1).abs().max() < ROUNDING
    assert (losses - 1).abs().max() < ROUNDING


def first_step(model, spec):
    """Losses, gradient norm of their mean, log p of the sampled tokens and before, for teacher = student."""
    comparison = compare(model, model, BATCH, 16, 1000, spec.support)
    every = torch.ones(len(BATCH.sampled), dtype=torch.bool, device=DEVICE)
    losses, log_p = position_losses(spec, model, head_of(model), BATCH, every, comparison, -every.float())
    slopes = torch.autograd.grad(losses.mean(), list(model.parameters()))
    norm = sum(float(slope.float().square().sum()) for slope in slopes) ** 0.5
    return losses.detach(), norm, log_p, comparison.student.sampled_log_prob


def negative_log_p(log_p, token):
    return -log_p.gather(-1, token[:, None])[:, 0]


def test_the_heads_gradient_does_not_get_worse_with_the_number_of_tiles(monkeypatch):
    states, weight, _ = certain(n=512, d=32, v=300)
    token = torch.arange(512, device=DEVICE) % 300
    exact = weight.double().requires_grad_()
    negative_log_p((states.double() @ exact.T).log_softmax(-1), token).sum().backward()
    errors = []
    for count in (1, 16, 64):
        monkeypatch.setattr(tiles, "_TILE_BYTES", 4 * 300 * 512 // count)
        found = weight.clone().requires_grad_()
        recomputed(negative_log_p, Head(found), states, token).sum().backward()
        assert found.grad.dtype == torch.bfloat16
        errors.append(float((found.grad.double() - exact.grad).norm() / exact.grad.norm()))
    assert max(errors) < 2**-8  # of rounding once, at the end
    assert max(errors) < 1.1 * min(errors)


@pytest.mark.parametrize("count", [1, 7])
def test_float32_is_what_autograd_makes_of_plain_torch_bit_by_bit(monkeypatch, count):
    monkeypatch.setattr(tiles, "_TILE_BYTES", 4 * 256 * -(-500 // count))
    torch.manual_seed(0)
    states, token = torch.randn(500, 96).requires_grad_(), torch.arange(500) % 256
    weight = torch.randn(256, 96).requires_grad_()
    found = recomputed(negative_log_p, Head(weight), states, token)
    plain = torch.cat(
        [
            negative_log_p(torch.nn.functional.linear(part, weight).log_softmax(-1), of_part)
            for part, of_part in zip(
                states.split(-(-500 // count)), token.split(-(-500 // count)), strict=True
            )
        ]
    )
    assert torch.equal(found, plain)
    ours, theirs = (torch.autograd.grad(each.mean(), (states, weight)) for each in (found, plain))
    assert all(map(torch.equal, ours, theirs))
    monkeypatch.undo()
    logits = states @ weight.T
    assert torch.equal(Head(weight).logits(states), logits)
    assert torch.equal(statistics(Head(weight), states, 5).log_normaliser, logits.logsumexp(-1))


def test_cuda_multiplies_in_bfloat16_and_keeps_float32_sums():
    """Shape and dtype alone; docs/gpu_checks.md has the values."""
    with FakeTensorMode():
        states = torch.empty(4, 8, dtype=torch.bfloat16, device="cuda")
        found = product.row_gradient(torch.empty(4, 16, device="cuda"), states)
    assert (found.shape, found.dtype) == ((16, 8), torch.float32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_pass_holds_three_tiles_and_one_float32_gradient_of_the_head(monkeypatch, dtype):
    tile, block = 4 * 2000 * 16, 4 * 32 * 50
    monkeypatch.setattr(tiles, "_TILE_BYTES", tile)
    monkeypatch.setattr(product, "_BLOCK_BYTES", block)
    states, token = torch.randn(160, 32).to(dtype).requires_grad_(), torch.arange(160)
    weight = torch.randn(2000, 32).to(dtype).requires_grad_()
    with LiveTensors() as memory:
        torch.autograd.grad(recomputed(negative_log_p, Head(weight), states, token).sum(), (states, weight))
    small = 3 * block + 8 * states.numel()
    assert memory.peak < 3 * tile + 4 * weight.numel() + small
