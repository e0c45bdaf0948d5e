"""Both decoders against the model's own forward pass, row by row and without a cache."""

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from opd import models
from opd.rollout.decoder import Decoder, SmallQwen2Decoder, kind_for
from opd.spec import ArchitectureSpec
from programs.errors import UserError

PROMPTS = [[5, 9, 30], [7], [11, 40, 41, 42, 43]]
FOLLOWING = [[12, 13, 14, 15], [80, 81, 82, 83], [20, 21, 22, 23]]


@pytest.fixture(params=["multi-head", "grouped queries"])
def model(request, tokenizer):
    """A model whose norms are not all one."""
    architecture = ArchitectureSpec(hidden_size=32, intermediate_size=24, layers=2, heads=4)
    made = models.build(architecture, tokenizer, seed=3)
    if request.param == "grouped queries":
        config = made.config
        config.num_key_value_heads = 2
        torch.manual_seed(3)
        made = type(made)(config).to(models.device())
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "norm" in name or name.endswith("bias"):
                parameter.add_(0.3 * torch.randn_like(parameter))
    return made.eval()


def padded(prompts):
    width = max(map(len, prompts))
    rows = [[0] * (width - len(p)) + p for p in prompts]
    real = [[False] * (width - len(p)) + [True] * len(p) for p in prompts]
    return torch.tensor(rows, device=models.device()), torch.tensor(real, device=models.device())


@torch.no_grad()
def expected(model, row, count):
    """Logits after a prompt and the first `count` tokens that follow it."""
    prefix = torch.tensor([PROMPTS[row] + FOLLOWING[row][:count]], device=model.device)
    return model(prefix).logits[0, -1]


@pytest.mark.parametrize("kind", [Decoder, SmallQwen2Decoder])
@torch.no_grad()
def test_logits_are_the_models(model, kind):
    decoding = kind(model, *padded(PROMPTS), 4)
    logits = decoding.first()
    rows = [0, 1, 2]
    for count in range(4):
        for place, row in enumerate(rows):
            torch.testing.assert_close(logits[place], expected(model, row, count), rtol=1e-4, atol=1e-4)
        if count == 2:
            decoding.keep(torch.tensor([2, 0], device=model.device))
            rows = [2, 0]
        following = [FOLLOWING[row][count] for row in rows]
        logits = decoding.after(torch.tensor(following, device=model.device))


def test_the_fast_one_is_for_small_models_in_float32(model):
    assert kind_for(model) is SmallQwen2Decoder
    assert kind_for(model.bfloat16()) is Decoder
    model.float()
    model.config.layer_types = ["sliding_attention", "full_attention"]
    assert kind_for(model) is Decoder


def test_a_window_that_is_too_short_is_refused():
    sizes = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    config = MistralConfig(**sizes, num_attention_heads=2, num_key_value_heads=2, sliding_window=8)
    model = MistralForCausalLM(config).eval()
    prompt = torch.ones(1, 4, dtype=torch.long)
    assert Decoder(model, prompt, prompt > 0, 4).first().shape == (1, 32)
    with pytest.raises(UserError, match="up to 9 tokens; the model attends to windows of 8"):
        Decoder(model, prompt, prompt > 0, 5)
