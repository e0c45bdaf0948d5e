"""Asking a model that is in memory: questions in, rollouts out."""

from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from opd.models import end_ids, padding_id, prompt_ids
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

    Of the model's generation_config nothing counts but what may end a response; see `opd.models.end_ids`.
    """
    return generate(
        model,
        [prompt_ids(tokenizer, question) for question in questions],
        uniforms(keys, sampling.max_new_tokens),
        sampling,
        end_ids(tokenizer, model.generation_config),
        padding_id(tokenizer),
    )
