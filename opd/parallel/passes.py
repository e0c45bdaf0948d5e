"""Forward and backward passes over the parts of a minibatch, as many on every rank."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from transformers import PreTrainedModel

from opd import models
from opd.parallel import ranks
from opd.parallel.sharding import Root


def accumulate(root: Root, losses: Sequence[Callable[[], Tensor]]) -> float:
    """Add the gradient of the sum of all ranks' losses to the model; returns the sum of this rank's.

    Each loss is a function without arguments that reads the model, and has a forward and a backward pass of
    its own. Sharded weights are gathered by all ranks together, so all do the same number of passes.
    """
    missing = int(ranks.largest(len(losses))) - len(losses)
    passes = [*losses, *[partial(_zero, root.model)] * missing]
    total = 0.0
    for number, loss_of in enumerate(passes, 1):
        root.before_pass(last=number == len(passes))
        loss = root(loss_of)
        loss.backward()
        total += loss.item()
    return total


def _zero(model: PreTrainedModel) -> Tensor:
    """A loss of 0 for a rank without work: all of a token's logits times 0.

    It reads every layer and the head, so all that is trained takes part in the pass, with a gradient of zero.
    """
    tokens = torch.zeros(1, 1, dtype=torch.long, device=models.device())
    return model(input_ids=tokens, use_cache=False).logits.sum() * 0
