"""What `studies.signal.score` stores, as its readers see it. Loads no torch.

`tokens`: one line per generated token, ordered by `response` and `position`, both from 0. `token` is the
id and `text` its decoding alone; `log_p` and `log_q` are the log-probabilities of student and teacher in
nats, with `student_entropy` and `teacher_entropy`; `favourite` is the text of the teacher's most probable
token and `favourite_log_q` its log-probability. `logit_gradient_norm` is |log q - log p| ||1_y - p||: the
norm of the token's policy gradient with respect to the student's logits. `marker` is the marker that the
token is part of, empty outside of markers.

`responses`: a line per response with its `question`, `correct` (it ended by itself with the right answer),
`finished` (it ended by itself) and number of `tokens`.

`repetition`: a line per response and `copy` of its answer (0: the original), see `studies.signal.repetition`.

`prefix`: a line per response, what the teacher answers alone and after a part of it, see
`studies.signal.prefix`.

`gradient`: the policy gradient of the parameters, in parts, see `studies.signal.gradients`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from programs.errors import UserError

GAP = "gap"


class Scores(NamedTuple):
    """A student's responses under one teacher; see the module's docstring."""

    tokens: pd.DataFrame
    responses: pd.DataFrame
    repetition: pd.DataFrame
    prefix: pd.DataFrame
    gradient: pd.DataFrame
    manifest: dict[str, Any]

    @property
    def cap(self) -> int:
        """Tokens after which a response was cut off."""
        return self.manifest["spec"]["sampling"]["max_new_tokens"]


def load(folder: Path) -> Scores:
    """The scores of a folder; tokens and repetition get a column `gap`, log q - log p: the student's pay."""
    tokens, repetition = pd.read_parquet(folder / "tokens.parquet"), pd.read_csv(folder / "repetition.csv")
    for table in (tokens, repetition):
        table[GAP] = table.log_q.astype(float) - table.log_p.astype(float)
    return Scores(
        tokens,
        pd.read_parquet(folder / "responses.parquet"),
        repetition,
        pd.read_csv(folder / "prefix.csv"),
        pd.read_csv(folder / "gradient.csv"),
        json.loads((folder / "manifest.json").read_text()),
    )


def load_pair(folders: Mapping[str, Path]) -> dict[str, Scores]:
    """Scores by teacher, one object per folder; UserError if the teachers did not read the same tokens."""
    loaded = {folder: load(folder) for folder in folders.values()}
    first, *others = loaded.values()
    read = ["response", "position", "token"]
    for other in others:
        if not first.tokens[read].equals(other.tokens[read]):
            raise UserError("the teachers scored different responses; score one student with one spec")
    return {name: loaded[folder] for name, folder in folders.items()}
