"""Answer every suite with a model and store the responses.

    python -m eval.generate --spec SPEC --model FOLDER --out RESPONSES.jsonl

SPEC is a `GenerateSpec` as JSON. Each line holds suite, problem id, protocol, sample index, finish
reason (`stop` or `length`), token count and text. Sample j of a problem has its own random stream,
so responses do not depend on the batch size, and all models are asked with the same streams.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

import envs
from eval.spec import GenerateSpec, ProtocolSpec
from opd import models
from opd.program import arguments
from opd.rollout.sampling import uniforms
from opd.rollout.torch_engine import generate


def main(spec: GenerateSpec, model: Path, out: Path) -> None:
    """Write the responses of `model` to `out`, complete or not at all."""
    tokenizer, network = models.load_tokenizer(model), models.load(model)
    requests = list(suite_requests(spec))
    partial = out.with_suffix(".partial")
    with partial.open("w") as file:
        for protocol in spec.protocols:
            for line in answer(network, tokenizer, protocol, requests, spec.batch_size):
                file.write(json.dumps(line) + "\n")
    partial.rename(out)


def suite_requests(spec: GenerateSpec) -> Iterator[tuple[str, envs.Problem]]:
    """(suite, problem) for every suite of the environment."""
    environment = envs.load(spec.environment)
    for suite in environment.suites:
        for problem in environment.suite_problems(suite, spec.problems_per_suite):
            yield suite, problem


def answer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    protocol: ProtocolSpec,
    problems: list[tuple[str, envs.Problem]],
    batch_size: int,
) -> Iterator[dict]:
    """One record per problem and sample of the protocol."""
    requests = [(suite, problem, j) for suite, problem in problems for j in range(protocol.samples)]
    for start in tqdm(range(0, len(requests), batch_size), desc=protocol.name, disable=None):
        part = requests[start : start + batch_size]
        keys = [f"evaluation/{suite}/{problem.id}/{j}" for suite, problem, j in part]
        rollouts = generate(
            model,
            [models.prompt_ids(tokenizer, problem.question) for _, problem, _ in part],
            uniforms(keys, protocol.sampling.max_new_tokens),
            protocol.sampling,
            tokenizer.eos_token_id,
            tokenizer.pad_token_id,
        )
        responses = [rollouts.response(row) for row in range(len(part))]
        texts = tokenizer.batch_decode(responses, skip_special_tokens=True)
        for (suite, problem, j), ids, done, text in zip(
            part, responses, rollouts.finished.tolist(), texts, strict=True
        ):
            yield {
                "suite": suite,
                "problem": problem.id,
                "protocol": protocol.name,
                "sample": j,
                "finish_reason": "stop" if done else "length",
                "tokens": len(ids),
                "response": text,
            }


if __name__ == "__main__":
    main(*arguments(__doc__, GenerateSpec, model="model folder to evaluate", out="JSON Lines file to write"))
