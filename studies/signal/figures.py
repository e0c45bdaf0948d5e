"""Figures 2, 3 and 4 of the paper on stored scores, and the prefix probe; figure 5: `studies.signal.markers`.

The gap of a sampled token is log q - log p, in nats, with student p and teacher q: the reward that the
student is paid for it. Positive is what the teacher likes better than the student does.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval.report import figures
from eval.statistics import wilson_interval
from studies.signal import markers, style
from studies.signal.estimates import places
from studies.signal.spec import SignalSpec
from studies.signal.stored import Scores

# Rewards beyond are counted in the outermost bins.
_SHOWN_REWARDS = (-8.0, 4.0)


def write(spec: SignalSpec, scores: Mapping[str, Scores], found: pd.DataFrame, out: Path) -> None:
    """Draw all figures into `out`; the same scores give the same bytes."""
    figures.style("signal")
    drawn = {
        "probabilities": probabilities(scores["teacher"], found),
        "repetition": repetition(scores["teacher"]),
        "gap": gap(spec, scores["teacher"]),
        "prefix": prefix(scores["teacher"]),
        "markers": markers.figure(scores),
    }
    for name, (figure, title) in drawn.items():
        style.save(figure, title, spec.scale_description, out / f"{name}.svg")


def probabilities(scores: Scores, found: pd.DataFrame) -> tuple[Figure, str]:
    """Both models' probabilities of sampled tokens, their rewards, and what these weigh."""
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(13, 4.4), layout="constrained", width_ratios=(1, 1.15, 1)
    )
    draw_scatter(left, scores.tokens)
    draw_rewards(middle, scores.tokens.gap)
    draw_shares(right, scores, found[found.subject == "student"].set_index("quantity"))
    return figure, f"Sampled tokens before the first update, {counted(scores)}"


def counted(scores: Scores) -> str:
    """How much a figure rests on."""
    return f"n = {len(scores.tokens):,} tokens of {len(scores.responses)} responses"


def draw_scatter(axis: Axes, tokens: pd.DataFrame) -> None:
    """The paper's figure 2; most tokens lie in the corner where both are sure."""
    p, q = np.exp(tokens.log_p), np.exp(tokens.log_q)
    for chosen, colour in ((tokens.gap >= 0, style.POSITIVE), (tokens.gap < 0, style.NEGATIVE)):
        # As vectors, the points of a long run would be megabytes.
        axis.scatter(
            p[chosen], q[chosen], s=4, color=colour, alpha=0.25, linewidths=0, rasterized=True, zorder=1
        )
    axis.plot([0, 1], [0, 1], color="0.3", linewidth=0.8)
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axis.set(xlabel="student's probability p", ylabel="teacher's probability q")
    both = float(((p > 0.9) & (q > 0.9)).mean())
    axis.set_title(f"Line: q = p; {style.percent(both)} of tokens have both above 0.9")


def draw_rewards(axis: Axes, gap: pd.Series) -> None:
    """Histogram of the reward, with a logarithmic count: most rewards are almost zero."""
    low, high = _SHOWN_REWARDS
    bins = np.linspace(low, high, 49).tolist()
    for chosen, colour, name in (
        (gap < 0, style.NEGATIVE, "negative"),
        (gap >= 0, style.POSITIVE, "positive"),
    ):
        label = f"{name}: {style.percent(chosen.mean())}, mean {gap[chosen].mean():+.2f}"
        axis.hist(gap[chosen].clip(low, high), bins, color=colour, label=label)
    axis.set_yscale("log")
    axis.set(
        xlabel="reward log q - log p (nats; outermost bins: all beyond)", ylabel="tokens per quarter nat"
    )
    axis.set_title(f"Rewards: {style.percent((gap.abs() < 0.1).mean())} are within 0.1 nats of zero")
    axis.legend(loc="upper left")


def draw_shares(axis: Axes, scores: Scores, found: pd.DataFrame) -> None:
    """What tokens with positive and negative rewards are of the tokens, and of the gradient."""
    of_logits = found.loc["positive_gradient_share"]
    of_weights = scores.gradient.set_index("part").share["positive"]
    bars = {
        "tokens": 1 - found.loc["negative_share", "mean"],
        "gradient of the logits\n(sum of norms)": of_logits["mean"],
        "gradient of the weights\n(projection on the whole)": of_weights,
    }
    for place, share in enumerate(bars.values()):
        axis.barh(place, share, color=style.POSITIVE, height=0.55)
        axis.barh(place, 1 - share, left=share, color=style.NEGATIVE, height=0.55)
        axis.annotate(
            f"{style.percent(share)} positive, {style.percent(1 - share)} negative",
            (0.5, place - 0.36),
            ha="center",
            va="bottom",
        )
    axis.set_yticks(range(len(bars)), list(bars))
    axis.set(xlim=(0, 1), xlabel="share", ylim=(len(bars) - 0.5, -0.6))
    interval = f"[{style.percent(of_logits.low)}, {style.percent(of_logits.high)}]"
    axis.set_title(f"What positive rewards weigh\n(logits, 95 % over responses: {interval})")


def repetition(scores: Scores) -> tuple[Figure, str]:
    """The paper's figure 3: the answer planted after itself, copy by copy."""
    table = scores.repetition
    count = table.response.nunique()
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    panels = {
        "Mean over the answer's tokens": {"student": style.STUDENT, "teacher": style.TEACHER},
        "Least probable of its tokens": {"student_least": style.STUDENT, "teacher_least": style.TEACHER},
        "Mean reward of its tokens": {"gap": "0.3"},
    }
    for axis, (title, columns) in zip(axes, panels.items(), strict=True):
        axis.set_title(title)
        if table.empty:
            style.nothing(axis, "no response is correct:\nnothing to repeat")
            continue
        for column, colour in columns.items():
            style.band(axis, table.groupby("copy")[column], colour, column)
        axis.set(xlabel="copy of the answer (0: as the student wrote it)", ylabel="probability")
    if not table.empty:
        axes[0].set_ylim(0, 1.02)
        axes[0].legend(loc="lower left")
        axes[1].set_yscale("log")
        axes[2].axhline(0, color="0.5", linewidth=0.7)
        axes[2].set_ylabel("reward log q - log p (nats)")
    return figure, f"A planted repetition, n = {count} correct responses (median; band: quartiles)"


def gap(spec: SignalSpec, scores: Scores) -> tuple[Figure, str]:
    """The paper's figure 4: the distribution of the gap along the response."""
    figure, axes = plt.subplots(1, 2, figsize=(11.5, 4.2), layout="constrained", sharey=True)
    relative = 100 * places(scores)["_within_response"]
    draw_gap(axes[0], scores.tokens.gap, scores.tokens.position, scores.cap, spec.buckets)
    draw_gap(axes[1], scores.tokens.gap, relative, 100, spec.buckets)
    axes[0].set(xlabel=f"position (tokens, cap {scores.cap})", ylabel="gap log q - log p (nats)")
    axes[1].set(xlabel="position (% of the response)")
    axes[0].set_title("By position: late buckets hold long responses alone")
    axes[1].set_title("By part of the response")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure, f"The gap along the response, {counted(scores)} (grey: tokens per bucket)"


def draw_gap(axis: Axes, gap: pd.Series, place: pd.Series, end: float, buckets: int) -> None:
    """Mean, median, quartiles and 5 to 95 % of the gap in equal ranges of places from 0 to `end`."""
    width = end / buckets
    groups = gap.groupby((place // width).astype(int))
    found = groups.quantile([*style.TAILS, *style.QUARTILES, 0.5]).unstack()
    centre = (found.index.to_numpy() + 0.5) * width
    for (low, high), alpha, label in ((style.TAILS, 0.22, "5 to 95 %"), (style.QUARTILES, 0.55, "quartiles")):
        height = found[high] - found[low]
        axis.bar(centre, height, 0.86 * width, found[low], color=style.TEACHER, alpha=alpha, label=label)
    axis.hlines(found[0.5], centre - 0.43 * width, centre + 0.43 * width, color="black", label="median")
    axis.plot(centre, groups.mean(), "D", color="black", markerfacecolor="white", markersize=4, label="mean")
    top = axis.get_xaxis_transform()
    for x, count in zip(centre, groups.size(), strict=True):
        axis.text(x, 1, f"{count:,}", transform=top, ha="center", va="top", color="0.4", fontsize=7)
    axis.use_sticky_edges = False
    axis.set_xlim(0, end)
    axis.margins(y=0.12)


def prefix(scores: Scores) -> tuple[Figure, str]:
    """How often the teacher answers right from where the student's response was cut, by the part kept."""
    figure, axis = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
    probe, responses = scores.prefix, scores.responses
    written = (responses.tokens - responses.finished).clip(lower=1)  # without the end token
    quarter = (4 * probe.cut / written).clip(upper=3).astype(int)
    # Beside each other, as intervals overlap.
    kinds = ((True, 0.06, style.POSITIVE, "right"), (False, -0.06, style.NEGATIVE, "wrong"))
    for correct, shift, colour, name in kinds:
        chosen = responses.correct == correct
        groups = probe.after[chosen].groupby(quarter[chosen])
        draw_shares_right(axis, groups, shift, colour, f"response is {name}")
    alone = probe.alone.mean()
    axis.axhline(alone, color="0.3", linewidth=0.8, label=f"teacher alone: {style.percent(alone)}")
    axis.set(ylim=(-0.02, 1.02), xlabel="part of the student's response that is kept")
    axis.set_ylabel("share of the teacher's right answers")
    axis.set_xticks(range(4), ["first quarter", "second", "third", "last"])
    axis.legend(loc="lower left")
    return figure, f"The teacher goes on from the student's prefix, n = {len(probe)} (bars: 95 %, Wilson)"


def draw_shares_right(
    axis: Axes, groups: pd.api.typing.SeriesGroupBy, shift: float, colour: str, label: str
) -> None:
    """The share of each group with its interval, and how many it is of, `shift` beside the group's key."""
    for number, (place, group) in enumerate(groups):
        share, (low, high) = group.mean(), wilson_interval(group.sum(), len(group))
        x, error = place + shift, [[share - low], [high - share]]
        axis.errorbar(x, share, error, fmt="o", color=colour, capsize=3, label=None if number else label)
        count = axis.annotate(f"{len(group)}", (x, share), (5, 4), textcoords="offset points")
        count.set(color="0.4", fontsize=7)
