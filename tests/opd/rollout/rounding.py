"""How far vLLM's responses may be from the torch engine's: on a CPU both are float32 throughout.

On a GPU vLLM's attention multiplies float32 with 10 bits of mantissa (TF32), so that greedy responses part at
near-ties and log-probabilities differ in the fourth digit.
"""

import pytest
import torch

from opd.batch import aligned
from opd.lm_head import head_of
from opd.scoring.compare import Scores, hidden_states, score

EXACT = not torch.cuda.is_available()
# Nats.
LARGEST, MEAN = (1e-4, 1e-5) if EXACT else (0.03, 1e-3)


def own_scores(model, responses) -> Scores:
    """What the trainer's forward pass says of the responses' tokens, and its most probable token."""
    batch = aligned([(each.prompt, each.tokens) for each in responses], 0).to(model.device)
    with torch.no_grad():
        return score(head_of(model), hidden_states(model, batch), batch.sampled, 1)


def check_greedy(model, found, expected) -> None:
    """`found` are the greedy responses `expected`; on a GPU every token has the largest p up to rounding."""
    assert [each.prompt for each in found] == [each.prompt for each in expected]
    scores = own_scores(model, found)
    behind = scores.top_log_probs[:, 0] - scores.sampled_log_prob
    assert float(behind.max()) < 2 * LARGEST
    pairs = zip(found, expected, strict=True)
    same = [one.tokens == other.tokens and one.finished == other.finished for one, other in pairs]
    assert sum(same) >= (len(same) if EXACT else 0.8 * len(same))


@pytest.fixture(autouse=True, scope="module")
def small_engines():
    """Several engines share a GPU here, and vLLM takes nine tenths of it where nothing is said."""

    from opd.rollout import vllm_engine  # needs vLLM

    def start(*arguments, **options):
        return original(*arguments, **{"gpu_memory_utilization": 0.05} | options)

    original = vllm_engine.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vllm_engine, "start", start)
        yield
