"""A teacher's responses to training problems, for a warm start to learn from.

    python -m opd.traces --spec SPEC --student FOLDER --teacher FOLDER --out TRACES.jsonl

SPEC is a `TracesSpec` as JSON. The teacher reads the prompts that the student would read, and a response
that it ends, with whichever of its end tokens, is stored with the student's as the last: what is there is
what the student should write. Killed and started again with the same arguments, the program continues after
the last stored trace.

TRACES.jsonl holds a record per trace:
  trace, problem     its number, and the problem's id
  prompt, response   token ids, the end token included
  finish_reason      `stop`: ended by itself; `length`: cut off at max_new_tokens
  correct            whether it ended by itself with the right answer
TRACES.json beside it says how they were made.
"""

import math
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import envs
from opd import models
from opd.rollout import TRACES_TOGETHER
from opd.rollout.engine import Engine, load
from opd.rollout.response import Response
from opd.spec import TracesSpec
from opd.tasks.verified import verified
from opd.vocabulary import refuse_other_tokens, refuse_tokens_beyond
from programs.command_line import arguments, launch
from programs.errors import UserError
from programs.journal import Journal, check_name
from programs.progress import progress
from programs.provenance import provenance

# A place in the training stream that no distillation step uses.
_STEP = -1


def main(spec: TracesSpec, student: Path, teacher: Path, out: Path) -> None:
    """Write the traces of `teacher` to `out`, complete or not at all.

    UserError for a student whose tokenizer names no end token, as none could be stored as the last, or lacks
    tokens that the teacher has.
    """
    check_name(out)
    environment = envs.load(spec.environment)
    problems = environment.training_problems(spec.seed, _STEP, spec.traces)
    refuse_other_tokens(student, teacher)
    refuse_tokens_beyond(student, teacher)
    tokenizer = models.load_tokenizer(student)
    if tokenizer.eos_token_id is None:
        raise UserError(f"{student} names no end token; add eos_token to tokenizer_config.json")
    engine = load(spec.engine, teacher, TRACES_TOGETHER, tokenizer)
    origin = {
        "spec": spec.recipe(),
        "engine": engine.version,
        "teacher": models.fingerprint(teacher),
        "tokenizer": models.tokenizer_sha256(engine.tokenizer),
        "data": environment.describe(environment.training_set),
    }
    journal = Journal(out, origin, itemgetter("trace"))
    answer(engine, spec, problems, journal)
    records = [journal.records[trace] for trace in range(spec.traces)]
    # All at once, as the grader's workers share them.
    verdicts = verified([response_of(record) for record in records], problems, engine.tokenizer, environment)
    for record, correct in zip(records, verdicts, strict=True):
        record["correct"] = correct
    print(f"{sum(verdicts)} of {spec.traces} teacher traces are right", flush=True)
    journal.finish(range(spec.traces), {**origin, "folder": str(teacher), **provenance()})


def answer(engine: Engine, spec: TracesSpec, problems: Sequence[envs.Problem], journal: Journal) -> None:
    """Ask for what the journal does not hold yet."""
    keys = [f"sft/{spec.seed}/{trace}" for trace in range(spec.traces)]
    done = {trace for trace in range(spec.traces) if trace in journal.records}
    stream = engine.stream([problem.question for problem in problems], keys, spec.sampling, done)
    with progress(total=spec.traces, initial=len(done), desc="traces", unit="trace") as bar:
        for trace, response in stream:
            journal.add(record_of(trace, problems[trace], response, engine.tokenizer.eos_token_id))
            bar.update()


def record_of(trace: int, problem: envs.Problem, response: Response, end_id: int) -> dict[str, Any]:
    """One line of the file; `correct` is known when all traces are there. `end_id` is the student's."""
    tokens = [*response.tokens[:-1], end_id] if response.finished else response.tokens
    return {
        "trace": trace,
        "problem": problem.id,
        "prompt": response.prompt,
        "response": tokens,
        "finish_reason": "stop" if response.finished else "length",
    }


def response_of(record: dict[str, Any]) -> Response:
    """The response of a record, without its probabilities."""
    return Response(record["prompt"], record["response"], record["finish_reason"] == "stop", math.nan, [])


if __name__ == "__main__":
    launch(
        main,
        *arguments(
            __doc__,
            TracesSpec,
            student="model folder whose prompts are answered",
            teacher="model folder that answers",
            out="JSON Lines file to write",
        ),
    )
