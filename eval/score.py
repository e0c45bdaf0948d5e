"""Grade stored responses into the long table of a study.

    python -m eval.score --spec SPEC --out SCORES.csv

SPEC is a `ScoreSpec` as JSON. One row per model, suite, protocol and problem, with the number of
samples and how many were correct, wrong, truncated and ungraded. The columns always add up, and
every problem of every suite is there, or the program fails. So it does where the manifest beside responses
says that another copy of a suite was asked.

Panels of ALFWorld's games are suites too, one row per game: won episodes are correct, lost ones wrong, and
those in which the engine failed ungraded. `eval/alfworld/long_table.py` says which columns they add.

`strict` and `lenient` count correct answers under the strict conventions and with lenient extraction (see
docs/evaluation.md). `majority` is the share of majority votes over all samples that the right answer wins
(maj@k; ungraded ones do not vote), `suite_status` says whether the suite's copy is a known one. `mean_tokens`
is per response, which in a game is a turn.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

import envs
from eval.alfworld import long_table
from eval.asked import refuse_other_copies
from eval.grading import VARIANTS, Grade, Variant
from eval.responses import read_records, refuse_repeats
from eval.spec import ProtocolSpec, ScoreSpec
from eval.statistics import maj_at_q
from eval.verdicts import VERDICTS, count, verdicts
from eval.votes import RIGHT, votes
from programs.command_line import arguments, launch
from programs.errors import UserError


def main(spec: ScoreSpec, out: Path) -> None:
    """Grade all responses of the study and write the long table to `out`."""
    long_table.refuse_unlike(subject.episodes for subject in spec.subjects)
    environment = envs.load(spec.environment)  # once: it keeps the suites and the grader's workers
    rows = []
    for subject in spec.subjects:
        for row in grade_file(spec, environment, Path(subject.responses)):
            rows.append({"row": subject.row, "seed": subject.seed, **row})
        for panel, folder in subject.episodes.items():
            for row in long_table.lines(panel, Path(folder)):
                rows.append({"row": subject.row, "seed": subject.seed, **row})
    frame = pd.DataFrame(rows)
    ungraded = int(frame.ungraded.sum())
    print(f"{frame.samples.sum()} samples of {len(spec.subjects)} models graded, {ungraded} ungraded")
    frame.to_csv(out, index=False)


def grade_file(spec: ScoreSpec, environment: envs.Environment, responses: Path) -> list[dict]:
    """Verdict counts per (suite, protocol, problem) of one file of responses."""
    suites = {suite: environment.describe(suite) for suite in spec.suites or environment.suites}
    problems = {
        (suite, problem.id): problem
        for suite in suites
        for problem in environment.suite_problems(suite, spec.problems_per_suite)
    }
    refuse_other_copies(responses, environment, suites)
    records = read_records(responses)
    refuse_repeats(responses, records)
    refuse_others(responses, records, spec.protocols, problems)
    answers = [(problems[r["suite"], r["problem"]], r["response"]) for r in records]
    graded = verdicts(environment, answers, [r["finish_reason"] for r in records])
    given, tokens = defaultdict(list), defaultdict(list)
    for record, one in zip(records, graded, strict=True):
        key = record["suite"], record["protocol"], record["problem"]
        given[key].append(one)
        tokens[key].append(record["tokens"])
    return [
        {
            "suite": suite,
            "protocol": protocol,
            "problem": problem,
            **checked(count(verdict for verdict, _ in of_problem)),
            **{variant: correct_under(variant, of_problem) for variant in VARIANTS},
            "majority": majority(environment, [grade for _, grade in of_problem]),
            "suite_version": suites[suite]["version"],
            "suite_status": suites[suite]["status"],
            "mean_tokens": sum(tokens[suite, protocol, problem]) / len(of_problem),
        }
        for (suite, protocol, problem), of_problem in given.items()
    ]


def refuse_others(
    responses: Path,
    records: Iterable[dict],
    protocols: Iterable[ProtocolSpec],
    problems: Iterable[tuple[str, str]],
) -> None:
    """UserError unless a file's records answer exactly what protocols ask of the (suite, problem) pairs."""
    found = Counter((r["suite"], r["protocol"], r["problem"]) for r in records)
    asked = {
        (suite, protocol.name, problem): protocol.samples
        for suite, problem in problems
        for protocol in protocols
        if protocol.asks(suite)
    }
    if found != asked:
        raise UserError(
            f"{responses} does not hold the responses that the protocols ask for, to the suites as they are; "
            "remove the file, so that the model is asked again"
        )


def correct_under(variant: Variant, graded: list[tuple[str, Grade | None]]) -> int:
    """How many of a problem's responses are correct under a variant of the grader's rules."""
    return sum(grade.correct(variant) for _, grade in graded if grade)


def majority(environment: envs.Environment, grades: list[Grade | None]) -> float:
    """maj@k of one problem, k all its samples; None stands for a truncated response."""
    (share,) = maj_at_q(np.array([votes(environment, grades)]), np.array([RIGHT]), len(grades))
    return float(share)


def checked(counts: dict[str, int]) -> dict[str, int]:
    """The counts, after asserting that correct + wrong + truncated + ungraded = samples."""
    assert sum(counts[name] for name in VERDICTS) == counts["samples"], counts
    return counts


if __name__ == "__main__":
    launch(main, *arguments(__doc__, ScoreSpec, out="CSV file to write"))
