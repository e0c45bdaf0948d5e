"""Figures and estimates of what a teacher says of a student's tokens, from stored scores.

    python -m studies.signal --spec SPEC --scores teacher=FOLDER [respelled=FOLDER] --out FOLDER

SPEC is a `SignalSpec` as JSON. The folders are those of `studies.signal.score` for one student: under the
teacher that writes as it does, and under one that spells markers differently, if there is one. FOLDER
receives estimates.csv (`studies.signal.estimates`), gradient.csv, and the figures probabilities.svg,
repetition.svg, gap.svg, prefix.svg and markers.svg. The same scores give the same bytes.
"""

from collections.abc import Mapping
from pathlib import Path

from programs.command_line import arguments, launch
from studies.signal import figures
from studies.signal.estimates import estimates
from studies.signal.spec import SignalSpec
from studies.signal.stored import load_pair


def main(spec: SignalSpec, folders: Mapping[str, Path], out: Path) -> None:
    """Write tables and figures into `out`."""
    scores = load_pair(folders)
    found = estimates(scores)
    out.mkdir(parents=True, exist_ok=True)
    found.to_csv(out / "estimates.csv", index=False, float_format="%.6g")
    scores["teacher"].gradient.to_csv(out / "gradient.csv", index=False, float_format="%.6g")
    figures.write(spec, scores, found, out)


if __name__ == "__main__":
    launch(
        main,
        *arguments(
            __doc__,
            SignalSpec,
            frozenset({"scores"}),
            scores="stored scores of the student under each teacher",
            out="folder to write",
        ),
    )
