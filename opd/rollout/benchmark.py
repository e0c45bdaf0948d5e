"""Tokens per second of the ways to decode, on one model and in turns.

    python -m opd.rollout.benchmark --model results/mini/models/student/model
    python -m opd.rollout.benchmark --model FOLDER --vllm --responses 64 --cap 256

Samples the same responses with the `torch` engine's decoders, `Decoder` and, where the model is small enough,
`SmallQwen2Decoder`, and with --vllm by the engine `vllm` too, and prints a Markdown table. On a CPU time is
CPU time of this process, so other programs on the machine do not count; on a GPU it is wall time.
"""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

import torch
from tabulate import tabulate

import envs
from opd import models
from opd.rollout import torch_engine
from opd.rollout.decoder import Decoder, SmallQwen2Decoder
from opd.rollout.engine import answers, load
from opd.rollout.response import Response
from opd.rollout.sampling import uniforms
from opd.run.machine import seconds
from opd.spec import SamplingSpec

_Way = Callable[[], int]


def main(options: argparse.Namespace) -> None:
    """Print tokens per second, medians over rounds, after one that warms up."""
    torch.set_num_threads(1)
    sampling = SamplingSpec(temperature=1.0, top_p=0.9, max_new_tokens=options.cap)
    problems = envs.load("chain_arithmetic").training_problems(0, 0, options.responses)
    questions = [problem.question for problem in problems]
    ways = decoders(options.model, questions, sampling)
    if options.vllm:
        ways["vLLM"] = vllm(options.model, questions, sampling)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(options.rounds + 1):
        for name, way in ways.items():
            found = rate(way)
            if number:
                rates[name].append(found)
    report(options, rates)


def decoders(folder: Path, questions: list[str], sampling: SamplingSpec) -> dict[str, _Way]:
    """Functions that answer all questions in one batch of the `torch` engine, and count the tokens."""
    model, tokenizer = models.load(folder), models.load_tokenizer(folder)
    prompts = [models.prompt_ids(tokenizer, question) for question in questions]
    drawn = uniforms(keys(questions), sampling.max_new_tokens)
    ends, pad = models.end_ids(tokenizer, model.generation_config), models.padding_id(tokenizer)

    def way(kind: type[Decoder]) -> _Way:
        def decode() -> int:
            return count(torch_engine.generate(model, prompts, drawn, sampling, ends, pad, kind))

        return decode

    kinds = {"transformers, static cache": Decoder}
    if SmallQwen2Decoder.fits(model):
        kinds["fused"] = SmallQwen2Decoder
    return {name: way(kind) for name, kind in kinds.items()}


def vllm(folder: Path, questions: list[str], sampling: SamplingSpec) -> _Way:
    """The same of the engine `vllm`, with room for all questions at once."""
    engine = load("vllm", folder, len(questions))

    def decode() -> int:
        return count(answers(engine, questions, keys(questions), sampling))

    return decode


def count(responses: list[Response]) -> int:
    """Tokens of all responses, end tokens included."""
    return sum(len(response.tokens) for response in responses)


def keys(questions: list[str]) -> list[str]:
    """Names of the responses' random streams."""
    return [f"benchmark/{row}" for row in range(len(questions))]


def rate(way: _Way) -> float:
    """Generated tokens per second."""
    counts: list[int] = []
    taken = seconds(lambda: counts.append(way()))
    return counts[0] / taken


def report(options: argparse.Namespace, rates: dict[str, list[float]]) -> None:
    """Print the table; ratios are to the first way."""
    medians = {name: statistics.median(found) for name, found in rates.items()}
    base = next(iter(medians.values()))
    rows = [(name, round(median), f"{median / base:.1f}") for name, median in medians.items()]
    unit = "s" if torch.cuda.is_available() else "CPU s"
    print(
        f"{options.responses} responses of at most {options.cap} tokens at a time, {options.rounds} rounds, "
        f"{models.device().type}, one thread\n"
    )
    print(tabulate(rows, ["decoder", f"tokens per {unit}", "ratio"], tablefmt="github"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--vllm", action="store_true", help="compare with vLLM, which must be installed")
    parser.add_argument("--responses", type=int, default=32, help="at a time (%(default)s)")
    parser.add_argument("--cap", type=int, default=100, help="tokens of a response (%(default)s)")
    parser.add_argument("--rounds", type=int, default=10, help="(%(default)s)")
    main(parser.parse_args())
