"""Teacher scoring: this project's forward pass against vLLM's `prompt_logprobs`, side by side.

    python -m opd.scoring.benchmark --model results/mini/models/teacher/model
    python -m opd.scoring.benchmark --shape 896 2 151936 --sequences 4

Scores the same random sequences with `opd.scoring` and with vLLM, each as a training step would use it:
log-probabilities of the sampled tokens and of the K most probable ones, as tensors. Prints tokens per
second of the generated part, CPU seconds of this process on a CPU and wall time on a GPU, and how far both
are from scoring token by token. FloatingPointError if that is more than rounding. Needs vLLM.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from tabulate import tabulate
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel

from opd.batch import TokenBatch, from_pairs
from opd.lm_head import head_of
from opd.models import device, stored_dtype
from opd.plan import trial
from opd.plan.shape import Shape
from opd.run.machine import seconds
from opd.scoring.compare import hidden_states, join, score
from opd.scoring.witness import token_log_prob

# Sequences have prompts of this share of their tokens.
_PROMPT = 0.25
_DEFAULT = "vLLM, `prompt_logprobs`"
# Tokens that are scored one by one.
_WITNESSES = 16


@dataclass(frozen=True)
class Scored:
    """What a way of scoring says of N positions: `sampled` (N,) and `top` (N, K) log-probabilities."""

    sampled: Tensor
    top: Tensor


def main(folder: Path, options: argparse.Namespace) -> None:
    """Compare, measure in turns, print."""
    torch.set_num_threads(options.threads)
    module: Any = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    model: PreTrainedModel = module.to(device()).eval()
    batch = sequences(model.config.vocab_size, options.sequences, options.tokens).to(model.device)
    ways: dict[str, Callable[[], Scored]] = {
        "torch, `opd.scoring`": lambda: by_torch(model, batch, options.top_k, options.tokens_per_forward),
        **by_vllm(folder, batch, options.top_k),
    }
    found = {name: way() for name, way in ways.items()}  # also warms up
    errors = {name: error(model, batch, scored) for name, scored in found.items()}
    difference = max(apart(one, other) for one, other in combinations(found.values(), 2))
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            taken[name].append(seconds(way))
    report(model, batch, options, taken, errors, difference)


def sequences(vocabulary: int, count: int, tokens: int) -> TokenBatch:
    """`count` random sequences of `tokens` ids each."""
    ids = torch.randint(vocabulary, (count, tokens), generator=torch.Generator().manual_seed(0)).tolist()
    start = max(1, round(_PROMPT * tokens))
    return from_pairs([(row[:start], row[start:]) for row in ids], 0)


@torch.no_grad()
def by_torch(model: PreTrainedModel, batch: TokenBatch, top_k: int, tokens_per_forward: int) -> Scored:
    """As the training loop scores a teacher."""
    head, parts = head_of(model), batch.split(tokens_per_forward)
    scored = (score(head, hidden_states(model, part), part.sampled, top_k) for part in parts)
    scores = join(scored, len(batch.sampled))
    return Scored(scores.sampled_log_prob, scores.top_log_probs)


def by_vllm(folder: Path, batch: TokenBatch, top_k: int) -> dict[str, Callable[[], Scored]]:
    """Functions that ask vLLM for the log-probabilities of the prompt, in either form that it has.

    Per token of the prompt but the first: its own, and those of the K most probable tokens.
    """
    from opd.rollout.vllm_engine import SamplingParams, start

    # The logits of whole prompts, in float32, do not fit into what vLLM leaves of a GPU by itself.
    engine = start(
        folder,
        len(batch.tokens),
        stored_dtype(folder),
        max_logprobs=top_k,
        enable_prefix_caching=False,
        gpu_memory_utilization=0.5,
    )
    prompts = [{"prompt_token_ids": row} for row in batch.tokens.tolist()]
    starts = (batch.attention & ~batch.generated).sum(-1).tolist()

    def ask(flat: bool) -> list[Any]:
        params = SamplingParams(
            max_tokens=1, temperature=0, prompt_logprobs=top_k, flat_logprobs=flat, detokenize=False
        )
        return engine.generate(prompts, params, use_tqdm=False)

    def from_dictionaries() -> Scored:
        sampled, top = [], []
        for output, first in zip(ask(flat=False), starts, strict=True):
            entries = zip(output.prompt_token_ids[first:], output.prompt_logprobs[first:], strict=True)
            for token, entry in entries:
                sampled.append(entry[token].logprob)
                ranked = sorted(entry.values(), key=lambda each: each.rank)
                top.append([each.logprob for each in ranked[:top_k]])
        return Scored(torch.tensor(sampled), torch.tensor(top))

    def from_lists() -> Scored:
        tables = [torch.tensor(each.prompt_logprobs.logprobs).view(-1, 1 + top_k) for each in ask(flat=True)]
        scored = torch.cat([table[first - 1 :] for table, first in zip(tables, starts, strict=True)])
        return Scored(scored[:, 0], scored[:, 1:])

    return {_DEFAULT: from_dictionaries, "vLLM, with `flat_logprobs`": from_lists}


@torch.no_grad()
def error(model: PreTrainedModel, batch: TokenBatch, scored: Scored) -> float:
    """The largest difference from scoring token by token, in nats, over a few tokens of the batch."""
    places = batch.generated.nonzero().tolist()
    chosen = range(0, len(places), max(1, len(places) // _WITNESSES))
    differences = []
    for index in chosen:
        row, place = places[index]
        expected = token_log_prob(model, batch.tokens[row], place)
        differences.append(abs(float(scored.sampled[index]) - expected))
    return max(differences)


def apart(first: Scored, second: Scored) -> float:
    """The largest difference of two ways at any position, sampled and top K, in nats."""
    pairs = ((first.sampled, second.sampled), (first.top, second.top))
    return max(float((one.cpu() - other.cpu()).abs().max()) for one, other in pairs)


def report(
    model: PreTrainedModel,
    batch: TokenBatch,
    options: argparse.Namespace,
    taken: dict[str, list[float]],
    errors: dict[str, float],
    difference: float,
) -> None:
    """Print the table; FloatingPointError if the ways do not agree."""
    tokens = len(batch.sampled)
    rates = {name: tokens / statistics.median(found) for name, found in taken.items()}
    base = rates[_DEFAULT]
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(
        f"{parameters / 1e6:.2f} M parameters, {model.dtype}, vocabulary {model.config.vocab_size}, "
        f"{options.sequences} sequences of {options.tokens} tokens, K {options.top_k}, {model.device.type}, "
        f"{options.threads} thread(s), median of {options.rounds} rounds\n"
    )
    rows = [(name, round(rate), f"{rate / base:.1f}", f"{errors[name]:.1e}") for name, rate in rates.items()]
    print(tabulate(rows, ["scoring", "tokens per s", "ratio", "largest error, nats"], tablefmt="github"))
    print(f"\nLargest difference of any two at any position: {difference:.1e} nats")
    limit = 0.01 if model.dtype == torch.float32 else 1.0
    if not max(*errors.values(), difference) <= limit:
        raise FloatingPointError(f"the ways to score differ by more than {limit} nats, which is no rounding")


def shape_of(hidden: int, layers: int, vocabulary: int) -> Shape:
    """A float32 model with heads of width 64."""
    heads = max(1, hidden // 64)
    return Shape(vocabulary, hidden, 4 * hidden, layers, heads, heads, hidden // heads, tied=False, width=4)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, metavar="FOLDER")
    source.add_argument(
        "--shape", type=int, nargs=3, metavar=("HIDDEN", "LAYERS", "VOCABULARY"), help="random weights"
    )
    parser.add_argument("--sequences", type=int, default=64, help="(%(default)s)")
    parser.add_argument("--tokens", type=int, default=128, help="in each, a quarter prompt (%(default)s)")
    parser.add_argument("--top-k", type=int, default=32, help="(%(default)s)")
    parser.add_argument("--tokens-per-forward", type=int, default=2048, help="of torch (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    given = parse()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.model or Path(temporary)
        if given.shape:
            torch.manual_seed(0)
            trial.build(shape_of(*given.shape)).save_pretrained(folder)
        main(folder, given)
