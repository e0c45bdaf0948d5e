"""The support-only head against full logits: every implementation, dtype, and kind of head."""

import pytest
import torch
from torch import nn

from opd.lm_head import Head, dense, gather, head_of, support_logits
from opd.lm_head.support_logits import choose, implementation
from opd.models import device
from opd.support import EMPTY
from tests.opd.lm_head.chosen import use

IMPLEMENTATIONS = ["gather", "dense", "fused"]
DEVICE = device()
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 2e-2}


@pytest.fixture(params=IMPLEMENTATIONS)
def chosen(request, monkeypatch):
    use(monkeypatch, request.param)
    monkeypatch.setattr(gather, "_BLOCK_BYTES", 4 * 5 * 7 * 3)  # a few positions per block
    monkeypatch.setattr(dense, "_BLOCK_BYTES", 4 * 29 * 3)
    return request.param


def draw(n=13, d=7, v=29, k=5, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(n, d, generator=generator, dtype=torch.float64).to(DEVICE, dtype).requires_grad_()
    weight = torch.randn(v, d, generator=generator, dtype=torch.float64).to(DEVICE, dtype).requires_grad_()
    ids = torch.stack([torch.randperm(v, generator=generator)[:k] for _ in range(n)])
    return states, weight, ids.to(DEVICE)


def full(head, states, ids):
    """The same logits from the whole vocabulary, in float64."""
    raw = states.double() @ head.weight.double().T
    if head.bias is not None:
        raw = raw + head.bias.double()
    if head.lora is not None:
        down, up, factor = head.lora
        raw = raw + factor * (states.double() @ down.double().T) @ up.double().T
    raw = raw * head.scale
    raw = raw if head.softcap is None else head.softcap * torch.tanh(raw / head.softcap)
    return raw.gather(-1, ids.clamp(min=0)).masked_fill(ids == EMPTY, -torch.inf)


def check(head, states, ids, parameters):
    """Values and gradients of a loss that weighs every slot differently."""
    weights = torch.linspace(-1, 2, ids.numel(), dtype=torch.float64, device=DEVICE).view(ids.shape)
    weights = weights.masked_fill(ids == EMPTY, 0)
    found, expected = support_logits(head, states, ids), full(head, states, ids)
    tolerance = TOLERANCE[states.dtype]
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)
    gradients = []
    for logits in (found, expected):
        loss = (weights * logits.double().masked_fill(ids == EMPTY, 0)).sum()
        gradients.append(torch.autograd.grad(loss, parameters))
    for ours, exact in zip(*gradients, strict=True):
        assert ours.dtype == exact.dtype
        scale = exact.double().abs().max() + 1e-30
        assert (ours.double() - exact.double()).abs().max() / scale < tolerance


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(
    ("n", "d", "v", "k"), [(13, 7, 29, 5), (1, 1, 2, 1), (33, 130, 40, 17), (3, 5, 8, 8)]
)
def test_values_and_gradients(chosen, dtype, n, d, v, k):
    if chosen == "fused" and dtype == torch.float64:
        pytest.skip("the kernels compute in float32")
    states, weight, ids = draw(n, d, v, k, dtype)
    check(Head(weight), states, ids, (states, weight))


def test_bias_scale_softcap_and_empty_slots(chosen):
    states, weight, ids = draw(dtype=torch.float32)
    ids[::3, 2:] = EMPTY
    ids[4] = EMPTY
    bias = torch.linspace(-1, 1, len(weight), device=DEVICE).requires_grad_()
    check(Head(weight, bias, scale=0.5, softcap=3.0), states, ids, (states, weight, bias))


def test_lora_on_the_head(chosen):
    states, weight, ids = draw(dtype=torch.float32)
    down, up = torch.randn(3, 7, device=DEVICE), torch.randn(29, 3, device=DEVICE)
    down.requires_grad_(), up.requires_grad_()
    check(Head(weight.detach(), lora=(down, up, 0.7)), states, ids, (states, down, up))


def test_rows_outside_the_support_get_exactly_zero(chosen):
    states, weight, ids = draw(dtype=torch.float32)
    support_logits(Head(weight), states, ids).sum().backward()
    unused = torch.ones(len(weight), dtype=torch.bool)
    unused[ids.flatten()] = False
    assert unused.any()
    assert weight.grad[unused].abs().max() == 0


def test_repeated_tokens_across_positions_add_up(chosen):
    states, weight, _ = draw(dtype=torch.float32)
    ids = torch.full((13, 1), 4, device=DEVICE)
    check(Head(weight), states, ids, (states, weight))


def test_rare_and_frequent_tokens(chosen):
    """Token 3 at every position, the others a few times: their gradients are made in different ways."""
    states, weight, ids = draw(n=150, d=70, v=300, k=2, dtype=torch.float32)
    ids = torch.cat([ids.clamp(min=4), torch.full_like(ids[:, :1], 3)], -1)
    check(Head(weight), states, ids, (states, weight))


def test_nothing_in_nothing_out(chosen):
    states, weight, ids = draw(dtype=torch.float32)
    logits = support_logits(Head(weight), states[:0], ids[:0])
    assert logits.shape == (0, 5)
    logits.sum().backward()
    assert weight.grad.abs().sum() == 0


@pytest.mark.parametrize("name", ["gather", "dense"])
def test_gradcheck(monkeypatch, name):
    use(monkeypatch, name)
    states, weight, ids = draw(n=4, d=3, v=6, k=2)
    torch.autograd.gradcheck(lambda h, w: support_logits(Head(w), h, ids), (states, weight))


@pytest.mark.parametrize(
    ("device", "v", "k", "expected"),
    [
        ("cpu", 151_936, 128, "gather"),
        ("cpu", 256, 16, "gather"),
        ("cpu", 255, 16, "dense"),
        ("cpu", 256, 256, "dense"),
        ("cuda", 256, 256, "fused"),
    ],
)
def test_device_and_shape_choose(device, v, k, expected):
    assert choose(device, v, k) == expected
    if device == "cpu":
        assert implementation(torch.device(device), v, k).__name__ == f"opd.lm_head.{expected}"


def test_the_choice_is_made_once_for_both_passes(monkeypatch):
    states, weight, ids = draw()
    use(monkeypatch, "dense")
    logits = support_logits(Head(weight), states, ids)
    use(monkeypatch, "nothing")
    logits.sum().backward()
    torch.testing.assert_close(
        weight.grad, torch.autograd.grad(full(Head(weight), states, ids).sum(), weight)[0]
    )


def test_only_what_is_needed_is_differentiated(chosen):
    states, weight, ids = draw(dtype=torch.float32)
    frozen = Head(weight.detach())
    support_logits(frozen, states, ids).sum().backward()
    assert states.grad is not None
    assert weight.grad is None


def test_head_of_a_model_is_what_the_model_applies(student):
    head = head_of(student)
    states = torch.randn(4, student.config.hidden_size, device=DEVICE)
    torch.testing.assert_close(head.logits(states), student.lm_head(states))
    assert head.vocabulary_size == 256
    assert (head.bias, head.lora, head.softcap, head.scale) == (None, None, None, 1.0)


def test_head_of_a_lora_layer_is_the_merged_head(student):
    class LoraLinear(nn.Module):
        """The attributes of a peft LoRA layer that `head_of` reads."""

        def __init__(self, base):
            super().__init__()
            self.base_layer = base
            down, up = nn.Linear(base.in_features, 3, bias=False), nn.Linear(3, base.out_features, bias=False)
            self.lora_A, self.lora_B = nn.ModuleDict({"default": down}), nn.ModuleDict({"default": up})
            self.scaling, self.active_adapters = {"default": 0.5}, ["default"]

    class Model(nn.Module):
        config = student.config

        def __init__(self):
            super().__init__()
            self.head = LoraLinear(student.lm_head)

        def get_output_embeddings(self):
            return self.head

    model = Model().to(DEVICE)
    head, states = head_of(model), torch.randn(4, student.config.hidden_size, device=DEVICE)
    layer = model.head
    merged = layer.base_layer.weight + 0.5 * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    torch.testing.assert_close(head.logits(states), states @ merged.T)


def test_sharded_heads_are_refused(student):
    from torch import distributed
    from torch.distributed.tensor import distribute_tensor

    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        mesh = distributed.init_device_mesh("cpu", (1,))

        class Model(nn.Module):
            config = student.config

            def __init__(self):
                super().__init__()
                self.head = nn.Linear(4, 6, bias=False)
                self.head.weight = nn.Parameter(distribute_tensor(self.head.weight.data, mesh))

            def get_output_embeddings(self):
                return self.head

        with pytest.raises(ValueError, match="sharded over ranks; evaluate it in a forward pass"):
            head_of(Model())
    finally:
        distributed.destroy_process_group()


def test_heads_without_rows_are_refused():
    class Model(nn.Module):
        config = None
        weight = nn.Conv1d(2, 3, 1)

        def get_output_embeddings(self):
            return self.weight

    with pytest.raises(ValueError, match="a Conv1d head has no rows to select; use a Linear head"):
        head_of(Model())
