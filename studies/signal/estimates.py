"""The quantities that the study is about, as one long table with 95 % intervals.

A line has quantity, subject, mean, low, high, standard_error, freedom and clusters; the interval is mean
+- t x standard_error, clustered by response (`studies.signal.clustered`). Subject `student`: its responses
under the teacher that writes as it does; `respelled`: the same responses under a teacher that spells
markers differently, which may be that teacher itself. Where the responses hold no token that a quantity
speaks of, its numbers are empty.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from eval.statistics import Estimate, estimate
from studies.signal.clustered import Array, difference, mean, quantile_difference, ratio
from studies.signal.spec import SUBJECTS
from studies.signal.stored import Scores

# The gap is log q - log p of a sampled token, in nats, with student p and teacher q: what the student is
# paid for it. Positions go up to the token cap, or in "..._within_response" to the response's end.
QUANTITIES = {
    "negative_share": "share of tokens with a negative gap",
    "positive_gradient_share": "share of the summed logit gradient norms on tokens with a positive gap",
    "positive_token_share_above_0.1": "share of tokens with a gap above 0.1 nats",
    "absolute_gap_wrong_minus_right": "mean absolute gap in wrong responses less that in right ones",
    "gap_late_minus_early": "mean gap in the last quarter of the positions less that in the first",
    "lower_tail_late_minus_early": "5 % quantile of the gap in the last quarter less that in the first",
    "gap_late_minus_early_within_response": "mean gap in a response's last quarter less that in its first",
    "lower_tail_late_minus_early_within_response": "5 % quantile in last quarters less that in first",
    "repetition_teacher_minus_student": "mean probability of a planted answer's tokens, teacher less student",
    "repetition_gap": "mean gap of a planted answer's tokens",
    "repetition_gap_later_tokens": "repetition_gap without the first token of each copy",
    "repetition_last_minus_first_copy": "teacher: mean probability in the last copy less the first",
    "prefix_alone": "share of problems that the teacher solves by itself, greedily",
    "prefix_after": "share that it solves from where the student's response was cut at random",
    "prefix_after_minus_alone": "prefix_after less prefix_alone",
    "prefix_after_minus_alone_where_wrong": "the same where the student's response is wrong",
    "prefix_right_to_wrong": "share of problems that the teacher solves alone and not after the prefix",
    "prefix_wrong_to_right": "share of problems that it solves after the prefix alone",
    "prefix_finished_after_minus_alone": "share of answers that end by themselves, after less alone",
    "marker_penalty": "mean gap of marker tokens",
    "marker_penalty_minus_aligned": "marker_penalty less that under a teacher that spells as the student",
    "penalty_outside_markers": "mean gap of all other tokens",
}
TAIL = 0.05


def estimates(scores: Mapping[str, Scores]) -> pd.DataFrame:
    """The table, of scores by teacher: `teacher`, and `respelled` where there is one."""
    teacher = scores["teacher"]
    of_student = _of_tokens(teacher) | _of_repetition(teacher.repetition) | _of_prefixes(teacher)
    found = {SUBJECTS["teacher"]: of_student}
    if "respelled" in scores:
        found[SUBJECTS["respelled"]] = _of_markers(scores["respelled"], teacher)
    rows = [
        (name, subject, e.mean, e.low, e.high, e.standard_error, e.freedom, e.problems, QUANTITIES[name])
        for subject, quantities in found.items()
        for name, e in quantities.items()
    ]
    numbers = ["mean", "low", "high", "standard_error", "freedom", "clusters"]
    return pd.DataFrame(rows, columns=["quantity", "subject", *numbers, "meaning"])


def per_response(scores: Scores, values: pd.Series | Array) -> Array:
    """(N,) sums over the tokens of each response."""
    sums = np.bincount(scores.tokens.response, np.asarray(values, float), len(scores.responses))
    return sums.astype(float)


def mean_gap(scores: Scores, chosen: pd.Series) -> tuple[Array, Array]:
    """Numerator and denominator of the mean gap of the chosen tokens."""
    return per_response(scores, scores.tokens.gap.where(chosen, 0)), per_response(scores, chosen)


def places(scores: Scores) -> dict[str, pd.Series]:
    """Where each token is, from 0 to 1: on the way to the cap, and on the way to its response's end."""
    tokens = scores.tokens
    length = tokens.groupby("response").position.transform("size")
    return {"": tokens.position / scores.cap, "_within_response": tokens.position / length}


def _of_tokens(scores: Scores) -> dict[str, Estimate]:
    gap, norm = scores.tokens.gap, scores.tokens.logit_gradient_norm
    every = per_response(scores, np.ones(len(gap)))
    positive = per_response(scores, norm.where(gap > 0, 0))
    found = {
        "negative_share": ratio(per_response(scores, gap < 0), every),
        "positive_gradient_share": ratio(positive, per_response(scores, norm)),
        "positive_token_share_above_0.1": ratio(per_response(scores, gap > 0.1), every),
        "absolute_gap_wrong_minus_right": _wrong_minus_right(scores),
    }
    for suffix, place in places(scores).items():
        late, early = place >= 0.75, place < 0.25
        moved = difference(mean_gap(scores, late), mean_gap(scores, early))
        parts = scores.tokens[late], scores.tokens[early]
        found[f"gap_late_minus_early{suffix}"] = moved
        found[f"lower_tail_late_minus_early{suffix}"] = quantile_difference(
            *parts, TAIL, len(scores.responses)
        )
    return found


def _wrong_minus_right(scores: Scores) -> Estimate:
    size, right = scores.tokens.gap.abs(), scores.tokens.response.map(scores.responses.correct)
    parts = [
        (per_response(scores, size.where(part, 0)), per_response(scores, part)) for part in (~right, right)
    ]
    return difference(*parts)


def _of_prefixes(scores: Scores) -> dict[str, Estimate]:
    table = scores.prefix.astype(float)
    alone, after = table.alone.to_numpy(), table.after.to_numpy()
    wrong = ~scores.responses.correct.to_numpy()
    ended = (table.after_finished - table.alone_finished).to_numpy()
    return {
        "prefix_alone": _bounded(alone, 0),
        "prefix_after": _bounded(after, 0),
        "prefix_after_minus_alone": _bounded(after - alone, -1),
        "prefix_after_minus_alone_where_wrong": _bounded((after - alone)[wrong], -1),
        "prefix_right_to_wrong": _bounded(alone * (1 - after), 0),
        "prefix_wrong_to_right": _bounded((1 - alone) * after, 0),
        "prefix_finished_after_minus_alone": _bounded(ended, -1),
    }


def _bounded(values: Array, least: float) -> Estimate:
    """The mean of (N,) values between `least` and 1, one per response; they may all be the same."""
    return estimate(values[None], bounds=(least, 1)) if len(values) > 1 else mean(values)


def _of_repetition(table: pd.DataFrame) -> dict[str, Estimate]:
    planted = table[table["copy"] > 0]
    columns = ["teacher", "student", "gap", "later_gap"]
    by_response = planted.groupby("response")[columns].mean().astype(float)
    teacher = planted.sort_values("copy").groupby("response").teacher.agg(["first", "last"]).astype(float)
    return {
        "repetition_teacher_minus_student": mean((by_response.teacher - by_response.student).to_numpy()),
        "repetition_gap": mean(by_response.gap.to_numpy()),
        "repetition_gap_later_tokens": mean(by_response.later_gap.dropna().to_numpy()),
        "repetition_last_minus_first_copy": mean((teacher["last"] - teacher["first"]).to_numpy()),
    }


def _of_markers(respelled: Scores, aligned: Scores) -> dict[str, Estimate]:
    marked = respelled.tokens.marker != ""
    penalty = mean_gap(respelled, marked)
    found = {"marker_penalty": ratio(*penalty)}
    if aligned is not respelled:
        found["marker_penalty_minus_aligned"] = difference(penalty, mean_gap(aligned, marked))
    return found | {"penalty_outside_markers": ratio(*mean_gap(respelled, ~marked))}
