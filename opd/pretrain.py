"""Train a model from scratch on chain-arithmetic demonstrations and select it by measured accuracy.

    python -m opd.pretrain --spec SPEC.json --out MODEL_FOLDER

SPEC is a `PretrainSpec` as JSON (a path, or the text itself). Accuracy is greedy, on development
problems that no evaluation suite contains.
"""

import random
from itertools import islice
from pathlib import Path

from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from envs.chain_arithmetic import ChainArithmetic
from envs.chain_arithmetic.tokenizer import build_tokenizer
from opd import models
from opd.accuracy import greedy_accuracy
from opd.batch import TokenBatch, from_pairs
from opd.optimizer import muon_and_adamw, scale_learning_rates, update, warmup_cosine
from opd.program import arguments
from opd.spec import PretrainSpec
from opd.supervised import cross_entropy

# Demonstrations have one to six operations; longer ones are drawn more often, as they teach more.
_LENGTHS = range(1, 7)
_SHORT_PHASE, _SHORT_SHARE, _SHORT = 0.25, 0.7, 2


def main(spec: PretrainSpec, out: Path) -> None:
    """Train, select, save to `out`; ValueError if the accuracy ends outside the accepted range."""
    environment = ChainArithmetic()
    tokenizer = build_tokenizer()
    model = models.build(spec.architecture, tokenizer, spec.seed)
    optimizers = muon_and_adamw(model, spec.learning_rate, spec.muon_learning_rate)
    streams = {length: environment.demonstrations(spec.style, length, spec.seed) for length in _LENGTHS}
    rng = random.Random(f"lengths/{spec.seed}")
    accuracy = 0.0

    progress = tqdm(range(spec.steps), desc=f"pretrain {out.name}", disable=None)
    for step in progress:
        batch = _batch(streams, rng, step / spec.steps, spec.tokens_per_step, tokenizer)
        scale_learning_rates(optimizers, warmup_cosine(step, spec.steps, spec.warmup_steps))
        cross_entropy(model, batch).backward()
        update(model, optimizers)
        if (step + 1) % spec.evaluate_every == 0 or step + 1 == spec.steps:
            accuracy = greedy_accuracy(
                model, tokenizer, environment, spec.development_problems, spec.max_new_tokens
            )
            progress.set_postfix(accuracy=accuracy)
            print(f"step {step + 1}: development accuracy {accuracy:.3f}", flush=True)
            if spec.stop_at_accuracy is not None and accuracy >= spec.stop_at_accuracy:
                break

    lowest, highest = spec.accept_accuracy
    if not lowest <= accuracy <= highest:
        raise ValueError(
            f"{out.name} ended with development accuracy {accuracy:.3f}, outside [{lowest}, {highest}]; "
            f"change steps, stop_at_accuracy or seed of this model in the config"
        )
    models.save(model, tokenizer, out)


def _batch(
    streams: dict, rng: random.Random, progress: float, tokens: int, tokenizer: PreTrainedTokenizerBase
) -> TokenBatch:
    """Demonstrations of one length per batch, so that nothing is padded."""
    lengths = [n for n in _LENGTHS if n <= _SHORT]
    if progress >= _SHORT_PHASE or rng.random() >= _SHORT_SHARE:
        lengths = list(_LENGTHS)
    (length,) = rng.choices(lengths, weights=lengths)
    count = max(8, tokens // (15 + 16 * length))
    pairs = [
        (models.prompt_ids(tokenizer, question), tokenizer(response)["input_ids"] + [tokenizer.eos_token_id])
        for question, response in islice(streams[length], count)
    ]
    return from_pairs(pairs, tokenizer.pad_token_id)


if __name__ == "__main__":
    main(*arguments(__doc__, PretrainSpec, out="model folder to write"))
