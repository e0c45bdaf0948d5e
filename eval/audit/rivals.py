"""How our grader differs from others on the same pairs.

    python -m eval.audit.rivals CASES.jsonl --differences OUT.jsonl

CASES holds rows {"gold", "pred"}; rows with kind "response" are left out. Where rows say whether the two
are "equal", errors are counted, except where "policy" names a convention. The rivals are plain equality of
the text, the Hendrycks normalisation that lm-eval's hendrycks_math500 and aime tasks use, and math-verify as
verl and lighteval call it. OUT gets every row that a rival decides otherwise than we do, with the decisions.
"""

import argparse
import logging
import statistics
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from pebble import ProcessExpired, ProcessPool

from eval.grade import write_rows
from eval.grading import Grader
from eval.responses import read_records
from programs.orphans import end_with_parent

_SECONDS = 12.0  # math-verify's own limit is 5 s for each of parsing and comparing
_PATIENCE = 60.0  # an answer that a dying worker takes along never comes

Rival = Callable[[str, str], bool]


def text_equality(gold: str, answer: str) -> bool:
    """Equal as written."""
    return gold == answer


def hendrycks(gold: str, answer: str) -> bool:
    """Equal after the string normalisation of the MATH data set, as lm-eval ships it."""
    from lm_eval.tasks.hendrycks_math.utils import is_equiv

    return bool(is_equiv(answer, gold))


def math_verify(gold: str, answer: str) -> bool:
    """Equal for math-verify, both in a box, LaTeX and plain expressions read."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    targets = [LatexExtractionConfig(), ExprExtractionConfig()]
    boxed = [f"\\boxed{{{text}}}" for text in (gold, answer)]
    return bool(verify(parse(boxed[0], targets[:1]), parse(boxed[1], targets)))


RIVALS: dict[str, Rival] = {
    "text equality": text_equality,
    "Hendrycks (lm-eval)": hendrycks,
    "math-verify": math_verify,
}


def main() -> None:
    """Decide every pair with every grader, print the table, write the differences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=Path, metavar="CASES", help="JSON Lines file of pairs")
    parser.add_argument("--differences", type=Path, required=True, help="JSON Lines file to write")
    given = parser.parse_args()
    rows = [
        row for row in read_records(given.cases, ("gold", "pred")) if row.get("kind", "answer") == "answer"
    ]
    decisions = {"ours": decide_ourselves(rows)} | {
        name: decide(rival, rows) for name, rival in RIVALS.items()
    }
    print(table(rows, decisions).to_markdown())
    write_rows(given.differences, differences(rows, decisions))


def decide_ourselves(rows: list[dict]) -> list[tuple[bool, float]]:
    """(accepted, seconds) per row, by our grader under its default conventions."""
    with Grader() as grader:
        grades = grader.answers([(row["gold"], row["pred"]) for row in rows])
    return [(grade.verdict == "correct", grade.seconds) for grade in grades]


def decide(rival: Rival, rows: list[dict]) -> list[tuple[bool, float]]:
    """(accepted, seconds) per row in a worker that is killed after 12 s; what fails is not accepted."""
    with ProcessPool(1, initializer=end_with_parent, context=get_context("spawn")) as pool:
        futures = [pool.schedule(_timed, (rival, row["gold"], row["pred"]), timeout=_SECONDS) for row in rows]
        decisions = []
        for future in futures:
            try:
                decisions.append(future.result(_PATIENCE))
            except (TimeoutError, ProcessExpired):
                decisions.append((False, _SECONDS))
    return decisions


def _timed(rival: Rival, gold: str, answer: str) -> tuple[bool, float]:
    start = time.perf_counter()
    try:
        accepted = rival(gold, answer)
    except ImportError:
        raise  # a rival that is not installed has decided nothing
    except Exception:
        accepted = False
    return accepted, time.perf_counter() - start


def table(rows: list[dict], decisions: dict[str, list[tuple[bool, float]]]) -> pd.DataFrame:
    """Per grader: wrong accepts and wrong rejects of labelled rows without a convention, and its time."""
    facts = [i for i, row in enumerate(rows) if "equal" in row and not row.get("policy")]
    equal, different = ([i for i in facts if bool(rows[i]["equal"]) is label] for label in (True, False))
    lines = {}
    for name, given in decisions.items():
        milliseconds = [1000 * seconds for _, seconds in given]
        lines[name] = {
            "wrong accepts": f"{sum(given[i][0] for i in different)} of {len(different)}",
            "wrong rejects": f"{sum(not given[i][0] for i in equal)} of {len(equal)}",
            "differs from ours": sum(a[0] != b[0] for a, b in zip(given, decisions["ours"], strict=True)),
            "median ms": f"{statistics.median(milliseconds):.2f}",
            "longest s": f"{max(milliseconds) / 1000:.1f}",
        }
    return pd.DataFrame(lines).T


def differences(rows: list[dict], decisions: dict[str, list[tuple[bool, float]]]) -> list[dict]:
    """The rows that not all graders decide alike, with who accepts."""
    names = list(decisions)
    found = []
    for i, row in enumerate(rows):
        accepts = {name: decisions[name][i][0] for name in names}
        if len(set(accepts.values())) > 1:
            found.append(row | {"accepts": accepts})
    return found


if __name__ == "__main__":
    main()
