"""Checks that a model's scores are of this model and of these tokens.

A teacher whose weights were never loaded, or were lost, is near a uniform distribution; scores that are
shifted by a token look like those of a poor model. Neither raises an error anywhere else.
"""

import math
import random
import warnings

import torch
from torch import Tensor
from transformers import PreTrainedModel

from opd.batch import TokenBatch
from opd.scoring.compare import Scores

# Tokens that are scored again, of one sequence: few, since each takes a forward pass of its own.
_TOKENS = 8
_NEAR = 0.1


@torch.no_grad()
def rescore(
    model: PreTrainedModel, batch: TokenBatch, scored: Tensor, key: str, temperature: float = 1.0
) -> None:
    """Score eight tokens of one sequence again, each by a forward pass of its unpadded prefix alone.

    `scored` (N,) are the model's log-probabilities of the batch's sampled tokens, of logits divided by
    `temperature`; `key` decides which tokens. FloatingPointError if the mean difference is above 0.01
    nats, or 0.25 for a model in 16 bits, divided by temperatures below 1, as logits and their rounding are.
    """
    draw = random.Random(key)
    row = draw.randrange(len(batch.tokens))
    tokens = batch.tokens[row][batch.attention[row]]
    places = batch.generated[row][batch.attention[row]].nonzero()[:, 0].tolist()
    # With replacement: ranks that share a sharded model must all make the same number of passes.
    chosen = draw.choices(range(len(places)), k=_TOKENS)
    expected = scored[batch.sequence == row][chosen].double().cpu()
    found = [token_log_prob(model, tokens, places[each], temperature) for each in chosen]
    difference = float((torch.tensor(found, dtype=torch.float64) - expected).abs().mean())
    limit = (0.01 if model.dtype == torch.float32 else 0.25) / min(1.0, temperature)
    if not difference <= limit:
        raise FloatingPointError(
            f"{_TOKENS} tokens scored one by one differ from their batch's scores by {difference:.3g} nats "
            f"on average; more than {limit:.3g} is no rounding, so scores and tokens do not belong together"
        )


@torch.no_grad()
def token_log_prob(model: PreTrainedModel, tokens: Tensor, place: int, temperature: float = 1.0) -> float:
    """Log-probability of the token at `place` of a sequence (L,) after those before it, in nats."""
    logits = model(input_ids=tokens[None, :place], use_cache=False, logits_to_keep=1).logits[0, -1]
    return float((logits.double() / temperature).log_softmax(-1)[tokens[place]])


def alarm_if_uniform(teacher: Scores, vocabulary: int, what: str) -> None:
    """FloatingPointError ("stop") or a warning ("warn") if the teacher seems to have no weights.

    That is where its mean log-probability of the sampled tokens is within a tenth of -ln V, the value of
    a uniform distribution over the V ids of the vocabulary.
    """
    mean, uniform = float(teacher.sampled_log_prob.mean()), -math.log(vocabulary)
    if abs(mean / uniform - 1) > _NEAR:
        return
    sentence = (
        "the teacher's mean log-probability of the sampled tokens is near -ln V, as if its weights had not "
        "been loaded"
    )
    if what == "stop":
        raise FloatingPointError(f"{sentence}: {mean:.3g}, and -ln {vocabulary} is {uniform:.3g} nats")
    warnings.warn(sentence, RuntimeWarning, stacklevel=2)
