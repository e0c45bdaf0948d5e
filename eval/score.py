"""Grade stored responses into the long table of a study.

    python -m eval.score --spec SPEC --out SCORES.csv

SPEC is a `ScoreSpec` as JSON. One row per model, suite, protocol and problem, with the number of
samples and how many were correct, wrong, truncated and ungraded. The columns always add up, and
every problem of every suite is there, or the program fails.
"""

import json
from collections import defaultdict
from pathlib import Path

import pandas as pd

import envs
from eval.grading import VERDICTS, count, verdict
from eval.spec import ScoreSpec
from opd.program import arguments


def main(spec: ScoreSpec, out: Path) -> None:
    """Grade all responses of the study and write the long table to `out`."""
    rows = []
    for subject in spec.subjects:
        for row in grade_file(spec, Path(subject.responses)):
            rows.append({"row": subject.row, "seed": subject.seed, **row})
    frame = pd.DataFrame(rows)
    ungraded = int(frame.ungraded.sum())
    print(f"{frame.samples.sum()} responses of {len(spec.subjects)} models graded, {ungraded} ungraded")
    frame.to_csv(out, index=False)


def grade_file(spec: ScoreSpec, responses: Path) -> list[dict]:
    """Verdict counts per (suite, protocol, problem) of one file of responses."""
    environment = envs.load(spec.environment)
    problems = {
        (suite, problem.id): problem
        for suite in environment.suites
        for problem in environment.suite_problems(suite, spec.problems_per_suite)
    }
    verdicts, tokens = defaultdict(list), defaultdict(list)
    for line in responses.read_text().splitlines():
        record = json.loads(line)
        problem = problems[record["suite"], record["problem"]]
        key = record["suite"], record["protocol"], record["problem"]
        verdicts[key].append(verdict(environment, problem, record["response"], record["finish_reason"]))
        tokens[key].append(record["tokens"])

    expected = {(suite, p.name, problem): p.samples for suite, problem in problems for p in spec.protocols}
    found = {key: len(given) for key, given in verdicts.items()}
    if found != expected:
        raise ValueError(f"{responses} does not hold the responses that the protocols ask for")
    return [
        {
            "suite": suite,
            "protocol": protocol,
            "problem": problem,
            **checked(count(given)),
            "mean_tokens": sum(tokens[suite, protocol, problem]) / len(given),
        }
        for (suite, protocol, problem), given in verdicts.items()
    ]


def checked(counts: dict[str, int]) -> dict[str, int]:
    """The counts, after asserting that correct + wrong + truncated + ungraded = samples."""
    assert sum(counts[name] for name in VERDICTS) == counts["samples"], counts
    return counts


if __name__ == "__main__":
    main(*arguments(__doc__, ScoreSpec, out="CSV file to write"))
