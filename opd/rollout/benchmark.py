"""Tokens per CPU second of both decoders, on one model and in turns.

    python -m opd.rollout.benchmark --model results/mini/models/student/model

Samples the same responses with `Decoder` and `SmallQwen2Decoder` and prints a Markdown table. CPU time is
this process's own, so other programs on the machine do not count.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from tabulate import tabulate
from transformers import PreTrainedModel, PreTrainedTokenizerBase

import envs
from opd import models
from opd.rollout import torch_engine
from opd.rollout.decoder import Decoder, SmallQwen2Decoder
from opd.rollout.sampling import uniforms
from opd.spec import SamplingSpec

_KINDS = {"transformers, static cache": Decoder, "fused": SmallQwen2Decoder}


def main(folder: Path, responses: int, rounds: int) -> None:
    """Print tokens per CPU second, medians over rounds."""
    torch.set_num_threads(1)
    model, tokenizer = models.load(folder), models.load_tokenizer(folder)
    problems = envs.load("chain_arithmetic").training_problems(0, 0, responses)
    prompts = [models.prompt_ids(tokenizer, problem.question) for problem in problems]
    rates: dict[str, list[float]] = {name: [] for name in _KINDS}
    for number in range(rounds + 1):
        for name, kind in _KINDS.items():
            rate = measure(model, tokenizer, prompts, kind)
            if number:  # the first round warms up
                rates[name].append(rate)
    medians = {name: sorted(found)[len(found) // 2] for name, found in rates.items()}
    base = medians[next(iter(_KINDS))]
    rows = [(name, round(median), f"{median / base:.1f}") for name, median in medians.items()]
    print(f"{responses} responses at a time, {rounds} rounds, one thread\n")
    print(tabulate(rows, ["decoder", "tokens per CPU s", "ratio"], tablefmt="github"))


def measure(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    kind: type[Decoder],
) -> float:
    """Generated tokens per CPU second."""
    sampling = SamplingSpec(temperature=1.0, top_p=0.9, max_new_tokens=100)
    drawn = uniforms([f"benchmark/{row}" for row in range(len(prompts))], sampling.max_new_tokens)
    started = time.process_time()
    ends, pad = models.end_ids(tokenizer, model.generation_config), models.padding_id(tokenizer)
    rollouts = torch_engine.generate(model, prompts, drawn, sampling, ends, pad, kind)
    return len(rollouts.batch.sampled) / (time.process_time() - started)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--responses", type=int, default=32, help="at a time (%(default)s)")
    parser.add_argument("--rounds", type=int, default=10, help="(%(default)s)")
    given = parser.parse_args()
    main(given.model, given.responses, given.rounds)
