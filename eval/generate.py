"""Answer evaluation suites with a model and store every response.

    python -m eval.generate --model FOLDER --suite math500 --samples 4 --out RESPONSES.jsonl
    python -m eval.generate --model FOLDER --spec SPEC --out RESPONSES.jsonl

The first form asks by hand, `--suite` as often as wanted; the second is the workflow's, SPEC a
`GenerateSpec` as JSON. FOLDER is any causal language model in the Hugging Face format. Killed and
started again with the same arguments, or with another --batch-size, the program continues after the
last stored response.

RESPONSES.jsonl holds a record per response:
  suite, problem, protocol, sample    what was asked
  run, seed                           sample j draws from the stream `run/suite/problem/j`, which does
                                      not depend on the batch; `seed` is the first 63 bits of its sha256
  prompt                              what was asked in the place of the question, with --prompt
  engine, temperature, top_p, max_new_tokens   the settings in effect; the model's own
                                      generation_config is never read
  finish_reason                       `stop`: ended by itself; `length`: cut off at max_new_tokens
  tokens                              number of generated tokens, the end token included
  log_prob                            of the response under these settings, in nats (0 when greedy)
  prompt_sha256, response_sha256      of the token ids, written in decimal and joined by commas
  response                            the text, without special tokens
  token_ids                           with --token-ids
RESPONSES.json beside it says how they were made: spec, model, suites, code and library versions.

The protocol of arXiv 2603.25562 is --temperature 1 --top-p 0.9 --max-new-tokens 16384.
"""

import argparse
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import envs
from eval.asked import asked_sha256
from eval.responses import Request, refuse_copies, request_of
from eval.spec import GenerateSpec, ProtocolSpec
from opd import models
from opd.rollout import ENGINES
from opd.rollout.engine import Engine, Response, load
from opd.rollout.sampling import seed
from opd.spec import SamplingSpec
from programs.command_line import launch, spec_or_options
from programs.errors import UserError
from programs.journal import Journal, check_name
from programs.progress import progress
from programs.provenance import provenance


@dataclass(frozen=True)
class Question:
    """Sample `sample` of a problem, to be asked under `protocol`."""

    protocol: ProtocolSpec
    suite: str
    problem: envs.Problem
    sample: int

    @property
    def request(self) -> Request:
        """Its name in the responses file."""
        return self.protocol.name, self.suite, self.problem.id, self.sample

    def key(self, run: str) -> str:
        """The name of its random stream. Protocols share it."""
        return f"{run}/{self.suite}/{self.problem.id}/{self.sample}"


def main(spec: GenerateSpec, model: Path, out: Path) -> None:
    """Write the responses of `model` to `out`, complete or not at all."""
    check_name(out)
    environment = envs.load(spec.environment)
    asked = questions(spec, environment)
    suites = contents(asked, environment)
    if spec.strict:
        refuse_unverified(suites)
    out.parent.mkdir(parents=True, exist_ok=True)
    engine = load(spec.engine, model, spec.batch_size)
    models.refuse_unknown_words(engine.tokenizer, spec.prompt)
    origin = {
        "spec": spec.recipe(),
        "engine": engine.version,
        "model": models.fingerprint(model),
        "tokenizer": models.tokenizer_sha256(engine.tokenizer),
        "end_tokens": engine.tokenizer.convert_ids_to_tokens(engine.end_ids),
        "suites": suites,
    }
    journal = Journal(out, origin, request_of)
    answer(engine, spec, asked, journal)
    refuse_copies(journal.records.values())
    manifest = {**origin, "spec": spec.model_dump(), "folder": str(model), **provenance()}
    journal.finish([question.request for question in asked], manifest)


def questions(spec: GenerateSpec, environment: envs.Environment) -> list[Question]:
    """All that is asked, in the order of the responses file; UserError if two would share a seed."""
    problems = [
        (suite, problem)
        for suite in spec.suites or environment.suites
        for problem in environment.suite_problems(suite, spec.problems_per_suite)
    ]
    asked = [
        Question(protocol, suite, problem, sample)
        for protocol in spec.protocols
        for suite, problem in problems
        if protocol.asks(suite)
        for sample in range(protocol.samples)
    ]
    if len({(question.protocol.name, seed(question.key(spec.run))) for question in asked}) < len(asked):
        raise UserError(
            "two samples share a name and so a seed; problem ids, suites, protocols must be unique"
        )
    return asked


def answer(engine: Engine, spec: GenerateSpec, asked: Sequence[Question], journal: Journal) -> None:
    """Ask what the journal does not hold yet, one protocol after the other."""
    for protocol in spec.protocols:
        part = [question for question in asked if question.protocol is protocol]
        keys = [question.key(spec.run) for question in part]
        done = {row for row, question in enumerate(part) if question.request in journal.records}
        asked_so = [envs.worded(question.problem, spec.prompt) for question in part]
        stream = engine.stream(asked_so, keys, protocol.sampling, done)
        with progress(total=len(part), initial=len(done), desc=protocol.name, unit="response") as bar:
            for row, response in stream:
                (text,) = engine.tokenizer.batch_decode([response.tokens], skip_special_tokens=True)
                journal.add(record(spec, part[row], keys[row], response, text))
                bar.update()


def record(spec: GenerateSpec, question: Question, key: str, response: Response, text: str) -> dict[str, Any]:
    """One line of the responses file; the fields are explained in the module's docstring."""
    return {
        "suite": question.suite,
        "problem": question.problem.id,
        "protocol": question.protocol.name,
        "sample": question.sample,
        "run": spec.run,
        "seed": seed(key),
        "engine": spec.engine,
        **question.protocol.sampling.model_dump(),
        **({"prompt": spec.prompt} if spec.prompt else {}),
        "finish_reason": "stop" if response.finished else "length",
        "tokens": len(response.tokens),
        "log_prob": response.log_prob,
        "prompt_sha256": sha256(response.prompt),
        "response_sha256": sha256(response.tokens),
        "response": text,
        **({"token_ids": response.tokens} if spec.token_ids else {}),
    }


def sha256(tokens: Iterable[int]) -> str:
    """sha256 of token ids, written in decimal and joined by commas."""
    return hashlib.sha256(",".join(map(str, tokens)).encode()).hexdigest()


def contents(asked: Iterable[Question], environment: envs.Environment) -> dict[str, dict[str, Any]]:
    """What the environment says of each suite, and the sha256 of the ids, questions and answers in use."""
    suites: dict[str, dict[str, envs.Problem]] = {}
    for question in asked:
        suites.setdefault(question.suite, {})[question.problem.id] = question.problem
    return {
        suite: {
            **environment.describe(suite),
            "asked": len(problems),
            "asked_sha256": asked_sha256(problems.values()),
        }
        for suite, problems in suites.items()
    }


def refuse_unverified(suites: dict[str, dict[str, Any]]) -> None:
    """UserError if a suite is neither a known copy nor generated."""
    unverified = [name for name, found in suites.items() if found["status"] not in ("verified", "generated")]
    if unverified:
        raise UserError(
            f"unverified, and --strict was asked for: {', '.join(unverified)}; "
            f"`python -m eval.suites diff {unverified[0]}` shows what differs from the known copy"
        )


def arguments(argv: Sequence[str] | None = None) -> tuple[GenerateSpec, Path, Path]:
    """(spec, model, out) from the command line, `sys.argv` by default."""
    parser = command_line()
    given = parser.parse_args(argv)
    spec = spec_or_options(parser, given, GenerateSpec, spec_by_hand, frozenset({"model", "out"}))
    return spec, given.model, given.out


def command_line() -> argparse.ArgumentParser:
    """The options of this program."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.generate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER", help="model to ask")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON Lines file to write")
    parser.add_argument("--spec", help="GenerateSpec as JSON text, or a file of it, for all that follows")
    option = parser.add_argument_group("asking by hand").add_argument
    option("--suite", action="append", help="suite to answer; repeat for more")
    option("--samples", type=int, default=1, metavar="K", help="responses per problem (%(default)s)")
    option("--temperature", type=float, default=1.0, metavar="T", help="0: greedy (%(default)s)")
    option("--top-p", type=float, default=1.0, metavar="P", help="mass of the nucleus (%(default)s)")
    option("--max-new-tokens", type=int, default=2048, metavar="N", help="cap on a response (%(default)s)")
    option("--limit", type=int, metavar="N", help="only the first N problems of each suite")
    option(
        "--prompt", help="asked instead of the question: {question}, and what is told: {answer}, {solution}"
    )
    option("--run", default="evaluation", help="name of the random streams (%(default)s)")
    option("--engine", choices=ENGINES, default="torch", help="vllm is an optional extra (%(default)s)")
    option("--batch-size", type=int, default=32, metavar="B", help="responses at a time (%(default)s)")
    option("--token-ids", action="store_true", help="store token ids too, some 6 bytes per token")
    option("--strict", action="store_true", help="refuse suites that are not a known copy")
    option("--data", type=Path, metavar="FOLDER", help="folder that holds the suites")
    return parser


def spec_by_hand(given: argparse.Namespace) -> GenerateSpec:
    """The spec of the options for asking by hand."""
    environments = {envs.environment_of(suite) for suite in given.suite or ()}
    if len(environments) != 1:
        raise UserError("name suites of one environment with --suite, or give a --spec")
    if given.data:
        os.environ["OPD_MATH_DATA"] = str(given.data)
    sampling = SamplingSpec(
        temperature=given.temperature, top_p=given.top_p, max_new_tokens=given.max_new_tokens
    )
    name = "greedy" if given.temperature == 0 else f"avg@{given.samples}"
    return GenerateSpec(
        environment=environments.pop(),
        suites=tuple(given.suite),
        problems_per_suite=given.limit,
        protocols=(ProtocolSpec(name=name, samples=given.samples, sampling=sampling),),
        run=given.run,
        prompt=given.prompt,
        engine=given.engine,
        strict=given.strict,
        token_ids=given.token_ids,
        batch_size=given.batch_size,
    )


if __name__ == "__main__":
    launch(main, *arguments())
