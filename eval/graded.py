"""Graded responses: what `python -m eval.grade responses` writes, counted per problem."""

from pathlib import Path

import pandas as pd

from eval.responses import read_records, refuse_repeats
from eval.verdicts import count
from opd.spec import SamplingSpec
from programs.errors import UserError

_KEY = ["protocol", "suite", "problem"]
_FIELDS = [*_KEY, "sample", "verdict"]
SETTINGS = list(SamplingSpec.model_fields)
PROMPT = "prompt"
_OPTIONAL = [*SETTINGS, PROMPT]


def read(path: Path, suites: list[str] | None = None) -> pd.DataFrame:
    """One line per protocol, suite and problem: `samples`, how many have each verdict, SETTINGS and PROMPT.

    The last two are empty where the file does not say them.
    `path` is a JSON Lines file or a folder of them; `suites` keeps these only. UserError for
    lines without the fields, unknown verdicts, repeated samples and unequal numbers of samples.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    frame = pd.DataFrame([record for file in files for record in _records(file)], columns=_FIELDS + _OPTIONAL)
    if absent := sorted(set(suites or ()) - set(frame.suite)):
        raise UserError(f"{path} holds nothing of {', '.join(absent)}")
    if suites is not None:
        frame = frame[frame.suite.isin(suites)]
    if frame.empty:
        raise UserError(f"{path} holds no graded responses")
    _check_samples(path, frame)
    return pd.DataFrame(
        [
            dict(zip(_KEY, key, strict=True)) | count(samples.verdict) | dict(samples[_OPTIONAL].iloc[0])
            for key, samples in frame.groupby(_KEY, sort=False)
        ]
    )


def _records(file: Path) -> list[dict]:
    """The fields that a comparison needs or can use, of every line."""
    records = read_records(file, _FIELDS, "; `python -m eval.grade responses` writes files that have")
    return [{name: record.get(name) for name in _FIELDS + _OPTIONAL} for record in records]


def _check_samples(path: Path, frame: pd.DataFrame) -> None:
    """Every sample is there once, and every problem of a suite has as many."""
    refuse_repeats(path, frame.to_dict("records"))
    samples = frame.groupby(_KEY).size().groupby(["protocol", "suite"]).agg(["min", "max"])
    for (protocol, suite), (fewest, most) in samples.iterrows():
        if fewest != most:
            raise UserError(
                f"{path} holds {fewest} to {most} samples per problem of {suite} under {protocol}; "
                "generate and grade the missing ones"
            )
