"""Failure cases: responses picked by rule, token by token under student and teacher, as one HTML page.

    python -m studies.signal.failures --spec SPEC --scores NAME=FOLDER ... --out FOLDER

SPEC is a `FailureSpec` as JSON. Each folder is one of `studies.signal.score`: the responses of the student
NAME, trained or not, scored. FOLDER receives failures.html, which needs no other file and no script, and
failures.csv with a line per pick.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from opd.diagnostics.trigrams import count_repeated
from programs.command_line import arguments, launch
from studies.signal import page
from studies.signal.spec import FailureSpec
from studies.signal.stored import Scores, load

# Measure of a response -> what having most of it means.
RULES = {
    "tokens": "longest",
    "repeated_trigrams": "most repetitive",
    "mean_absolute_gap": "largest gap",
}


def main(spec: FailureSpec, folders: Mapping[str, Path], out: Path) -> None:
    """Write page and table into `out`."""
    scores = {name: load(folder) for name, folder in folders.items()}
    picked = pd.concat([pick(each, spec.cases, name) for name, each in scores.items()], ignore_index=True)
    out.mkdir(parents=True, exist_ok=True)
    picked.to_csv(out / "failures.csv", index=False, float_format="%.6g")
    (out / "failures.html").write_text(page.render(spec, scores, picked), encoding="utf-8")


def pick(scores: Scores, cases: int, student: str) -> pd.DataFrame:
    """The first `cases` responses by each rule, with all measures; ties to the smaller number."""
    table = measures(scores)
    parts = []
    for measure, rule in RULES.items():
        first = table.sort_values([measure, "response"], ascending=[False, True]).head(cases)
        first = first.assign(student=student, rule=rule, rank=range(1, 1 + len(first)))
        parts.append(first[["student", "rule", "rank", *table.columns]])
    return pd.concat(parts, ignore_index=True)


def measures(scores: Scores) -> pd.DataFrame:
    """The table of responses with what the rules go by, and the mean gap."""
    groups = scores.tokens.groupby("response")
    return scores.responses.assign(
        repeated_trigrams=groups.token.agg(lambda ids: repeated_trigrams(ids.tolist())).to_numpy(),
        mean_gap=groups.gap.mean().to_numpy(),
        mean_absolute_gap=groups.gap.agg(lambda gap: gap.abs().mean()).to_numpy(),
    )


def repeated_trigrams(ids: list[int]) -> float:
    """Share of tokens that complete a 3-gram already seen in the response."""
    return count_repeated(ids) / len(ids)


if __name__ == "__main__":
    launch(
        main,
        *arguments(
            __doc__,
            FailureSpec,
            frozenset({"scores"}),
            scores="stored scores of each student under its teacher",
            out="folder to write",
        ),
    )
