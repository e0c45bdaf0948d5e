"""Grade answers or responses against golds, with a reason per verdict.

    python -m eval.grade pairs CASES.jsonl OUT.jsonl
    python -m eval.grade responses RESPONSES.jsonl OUT.jsonl --suite math500

`pairs` reads rows {"id", "gold", "pred", "kind"} with kind `answer` (compared as it is) or `response`
(its last box is) and writes rows {"id", "verdict", "reason", "seconds"} in the same order.

`responses` reads what `python -m eval.generate` writes, looks the golds up in the suite, and writes the
rows of that suite with verdict, reason, extracted answer and seconds instead of the text, and whether the
suite's copy is verified. A response that
reached the token cap is `truncated`. Where the manifest beside them says that another copy of the suite was
asked, they are refused. It prints the score under the default conventions and, where they
differ, under the strict ones and with lenient extraction (see eval/grading/conventions.py and extract.py).

A verdict is correct, wrong, truncated or ungraded; ungraded means that the grader failed, and why is printed.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import envs
from eval.asked import environment_of, refuse_other_copies
from eval.grading import DEFAULT, STRICT, VARIANTS, Conventions, Grade, Grader
from eval.responses import read_records, refuse_repeats
from eval.verdicts import VERDICTS, count, verdicts
from programs.command_line import launch
from programs.errors import UserError

_CONVENTIONS = {"default": DEFAULT, "strict": STRICT}


def main() -> None:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, meaning in (("pairs", "golds beside answers"), ("responses", "stored responses to a suite")):
        command = commands.add_parser(name, help=meaning, description=meaning)
        command.add_argument("input", type=Path, metavar=name.upper(), help="JSON Lines file to grade")
        command.add_argument("out", type=Path, metavar="OUT", help="JSON Lines file to write")
    commands.choices["pairs"].add_argument("--conventions", choices=_CONVENTIONS, default="default")
    commands.choices["responses"].add_argument("--suite", required=True, help="suite that holds the golds")
    given = parser.parse_args()
    if given.command == "pairs":
        grade_pairs(given.input, given.out, _CONVENTIONS[given.conventions])
    else:
        grade_responses(given.input, given.out, given.suite)


def grade_pairs(cases: Path, out: Path, conventions: Conventions = DEFAULT) -> None:
    """Grade rows of gold and pred; UserError names the first row that is none."""
    rows = read_records(cases, ("id", "gold", "pred", "kind"))
    unknown = next((row["kind"] for row in rows if row["kind"] not in ("answer", "response")), None)
    if unknown is not None:
        raise UserError(f"{cases}: kind is `answer` or `response`, not {unknown!r}")
    grades: dict[int, Grade] = {}
    with Grader(conventions) as grader:
        for kind, grade in (("answer", grader.answers), ("response", grader.responses)):
            chosen = [i for i, row in enumerate(rows) if row["kind"] == kind]
            pairs = [(_text(rows[i]["gold"]), _text(rows[i]["pred"])) for i in chosen]
            grades.update(zip(chosen, grade(pairs), strict=True))
    ordered = [grades[i] for i in range(len(rows))]
    write_rows(
        out,
        (
            {"id": row["id"], "verdict": g.verdict, "reason": g.reason, "seconds": round(g.seconds, 6)}
            for row, g in zip(rows, ordered, strict=True)
        ),
    )
    report((g.verdict, g) for g in ordered)


def _text(value: object) -> str:
    """JSON's numbers as text; null is no answer."""
    return "" if value is None else str(value)


def grade_responses(responses: Path, out: Path, suite: str) -> None:
    """Grade the suite's rows of a file of responses.

    UserError if there are none, if some are there twice, or if another copy of the suite was asked.
    """
    environment = envs.load(environment_of(responses, suite))
    unsaid: dict[str, Any] = {"protocol": "", "sample": 0, "suite": suite}
    rows = [unsaid | row for row in read_records(responses, ("problem", "response"))]
    rows = [row for row in rows if row["suite"] == suite]
    if not rows:
        raise UserError(f"{responses} holds no responses to {suite}")
    refuse_repeats(responses, rows)
    refuse_other_copies(responses, environment, [suite])
    about = environment.describe(suite)
    size = len({row["problem"] for row in rows}) if about["status"] == "generated" else None
    golds = {problem.id: problem for problem in environment.suite_problems(suite, size)}
    strange = sorted({row["problem"] for row in rows} - golds.keys())
    if strange:
        raise UserError(f"{suite} has no problem {strange[0]!r} ({len(strange)} such in {responses})")
    answers = [(golds[row["problem"]], row["response"]) for row in rows]
    graded = verdicts(environment, answers, [row.get("finish_reason", "stop") for row in rows])
    write_rows(out, (_graded_row(row, about, *one) for row, one in zip(rows, graded, strict=True)))
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    report(graded)
    _variants([grade for _, grade in graded])


def _graded_row(row: dict, about: dict, verdict: str, grade: Grade | None) -> dict:
    kept = {key: value for key, value in row.items() if key not in ("response", "token_ids")}
    grade = grade or Grade("wrong", "reached the token cap")
    found = {"reason": grade.reason, "answer": grade.answer, "seconds": round(grade.seconds, 6)}
    found |= {"strict": grade.strict, "lenient": grade.lenient}
    asked = {"suite": about["suite"], "suite_version": about["version"], "suite_status": about["status"]}
    return {**kept, **asked, "verdict": verdict, **found}


def _variants(grades: list[Grade | None]) -> None:
    """Print the score under strict conventions and lenient extraction where it differs."""
    graded = [grade for grade in grades if grade]
    correct = sum(grade.correct() for grade in graded)
    strict, lenient = (sum(grade.correct(v) for grade in graded) for v in VARIANTS)
    for other, name in ((strict, "strict conventions"), (lenient, "lenient extraction")):
        if other != correct:
            print(f"  under {name}: {other} correct ({100 * other / len(grades):.2f} %)")


def report(graded: Iterable[tuple[str, Grade | None]]) -> None:
    """Print how many have each verdict, and why the ungraded are."""
    given = list(graded)
    counts = count(verdict for verdict, _ in given)
    total = max(counts["samples"], 1)
    shares = ", ".join(f"{counts[name]} {name} ({100 * counts[name] / total:.2f} %)" for name in VERDICTS)
    print(f"{counts['samples']} graded: {shares}")
    for reason, times in Counter(g.reason for v, g in given if g and v == "ungraded").most_common():
        print(f"  ungraded, {times}: {reason}")


def write_rows(path: Path, rows: Iterable[dict]) -> None:
    """Write JSON Lines, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    partial.rename(path)


if __name__ == "__main__":
    launch(main)
