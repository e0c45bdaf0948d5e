"""Asking a model that is in memory: questions in, rollouts out."""

from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from opd.models import padding_id, prompt_ids
from opd.rollout.sampling import uniforms
from opd.rollout.torch_engine import Rollouts, generate
from opd.spec import SamplingSpec


def respond(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[str],
    keys: Sequence[str],
    sampling: SamplingSpec,
) -> Rollouts:
    """One response per question; response i draws from the random stream of keys[i] alone.

    A response ends with the tokenizer's end token, whatever the model's generation_config says.
    """
    return generate(
        model,
        [prompt_ids(tokenizer, question) for question in questions],
        uniforms(keys, sampling.max_new_tokens),
        sampling,
        tokenizer.eos_token_id,
        padding_id(tokenizer),
    )
