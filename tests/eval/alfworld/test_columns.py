"""Success and paired differences of a panel against values by hand, numpy loops and statsmodels."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.multitest import multipletests

from eval.alfworld import columns
from eval.spec import TableSpec
from eval.statistics import estimate, paired_difference, zero_p
from programs.errors import UserError
from tests.eval.alfworld.study import long_table

SPEC = TableSpec(
    title="",
    scale="smoke",
    scale_description="",
    protocol="avg@2",
    paper_table=None,
    paper_columns=["Avg"],
    reference_row="base",
    rows=[{"row": row, "label": row} for row in ("model", "base", "better")],
    panels=["unseen"],
    evaluation={"environment": "chain_arithmetic", "problems_per_suite": 3, "protocols": []},
    runs={},
    rebuild="",
)
# Two episodes per game, (won, lost, errors). Base cannot finish d with seed 1, better not e with seed 0.
OUTCOMES = {
    ("model", 0): {"a": (1, 1, 0), "b": (0, 2, 0), "c": (0, 2, 0), "d": (0, 2, 0), "e": (0, 1, 1)},
    ("base", 0): {"a": (2, 0, 0), "b": (1, 1, 0), "c": (0, 2, 0), "d": (2, 0, 0), "e": (0, 2, 0)},
    ("base", 1): {"a": (2, 0, 0), "b": (0, 1, 1), "c": (1, 1, 0), "d": (0, 0, 2), "e": (0, 2, 0)},
    ("better", 0): {"a": (2, 0, 0), "b": (2, 0, 0), "c": (2, 0, 0), "d": (2, 0, 0), "e": (0, 0, 2)},
    ("better", 1): {"a": (2, 0, 0), "b": (1, 1, 0), "c": (2, 0, 0), "d": (1, 1, 0), "e": (1, 1, 0)},
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return columns.lines(SPEC, long_table(OUTCOMES), "unseen").set_index(["row", "column"])


def test_success_leaves_out_errors_and_games_that_a_seed_could_not_finish(table):
    # Shares of a, b, c, e: 1, 1/2, 0, 0 and 1, 0, 1/2, 0. Its one judged episode decides b of seed 1.
    base = table.loc["base", "unseen"]
    assert base["mean"] == pytest.approx(100 * (1.5 + 1.5) / 8)
    assert base.seed_spread == pytest.approx(0)
    assert (base.seeds, base.problems, base.protocol) == (2, 4, "compact avg@2")
    expected = estimate(100 * np.array([[1, 0.5, 0, 0], [1, 0, 0.5, 0]]))
    assert (base.standard_error, base.freedom) == pytest.approx((expected.standard_error, expected.freedom))
    assert table.loc["model", "unseen"]["mean"] == pytest.approx(100 * 0.5 / 5)
    assert table.loc["model", "unseen"].seeds == 1


def test_interval_stays_in_percent(table):
    """Of model, one episode of one game won."""
    expected = estimate(100 * np.array([[0.5, 0, 0, 0, 0]]))
    assert expected.low < 0
    model = table.loc["model", "unseen"]
    assert (model.low, model.high) == (0, pytest.approx(expected.high))


def test_difference_is_paired_on_the_games_that_both_finished(table):
    # a, b, c: better 1, 1, 1 and 1, 1/2, 1; base 1, 1/2, 0 and 1, 0, 1/2.
    first, second = 100 * np.array([[[1, 1, 1], [1, 0.5, 1]], [[1, 0.5, 0], [1, 0, 0.5]]])
    found, expected = table.loc["better", "unseen difference"], paired_difference(first, second)
    assert found["mean"] == pytest.approx(100 * (1.5 + 1) / 6)
    assert found.problems == 3
    assert (found.low, found.p) == pytest.approx((expected.low, zero_p(expected)))
    assert found.high == min(100, expected.high)
    assert found.p_permutation == pytest.approx(2 / 2**2)  # 0, 1/2 and 3/4: both signs of both alike
    assert ("base", "unseen difference") not in table.index


def test_single_model_is_compared_with_every_seed(table):
    # a, b, c, e, for d is not finished by base: model 1/2, 0, 0, 0.
    base, model = np.array([[1, 0.5, 0, 0], [1, 0, 0.5, 0]]), np.array([[0.5, 0, 0, 0]])
    found, expected = table.loc["model", "unseen difference"], paired_difference(100 * model, 100 * base)
    assert (found["mean"], found.standard_error) == pytest.approx((expected.mean, expected.standard_error))
    assert (found.seeds, found.problems) == (2, 4)


def test_p_is_adjusted_over_the_rows_of_the_panel(table):
    found = table.xs("unseen difference", level="column")
    assert found.p_holm.tolist() == pytest.approx(multipletests(found.p, method="holm")[1])
    assert table.xs("unseen", level="column").p_holm.isna().all()


def test_error_of_new_episodes():
    # c has one episode more, of which it wins a third: p (1 - p) / (k - 1) = 1/9.
    frame = long_table({("r", s): {"a": (2, 0, 0), "b": (1, 1, 0), "c": (1, 2, 0)} for s in (0, 1)})
    of_seed = math.sqrt(0 + 1 / 4 + 1 / 9) / 3
    assert columns.noise(frame, columns.success(frame, "r")) == pytest.approx(100 * of_seed / math.sqrt(2))


def test_one_judged_episode_does_not_show_how_much_a_second_would_differ():
    frame = long_table({("r", 0): {"a": (1, 0, 1), "b": (1, 1, 0)}})
    assert math.isnan(columns.noise(frame, columns.success(frame, "r")))


def test_rates(table):
    base = table.loc["base", "unseen"]
    assert base.ungraded == pytest.approx(100 * 3 / 20)
    assert (base.turns, base.invalid_format, base.inadmissible, base.tokens) == (2, 50, 0, 3)


def test_refused_commands_are_counted_among_commands():
    frame = long_table({("r", 0): {"a": (2, 2, 0)}}).assign(turns=10, commands=8, inadmissible=2)
    assert columns.rates(frame)["inadmissible"] == 25


# Four games, drawn three times, twice, once and once.
DRAWN = {"a": 1, "a#2": 1, "a#3": 1, "b": 0, "b#2": 0, "c": 1, "d": 0}


def test_draws_of_one_game_are_one_cluster():
    """A regression on a constant, with statsmodels' errors clustered by game."""
    frame = long_table({("base", 0): {game: (won, 1 - won, 0) for game, won in DRAWN.items()}})
    found = columns.cell(columns.success(frame, "base"))
    won, clusters = np.array(list(DRAWN.values())), [0, 0, 0, 1, 1, 2, 3]
    fit = sm.OLS(won, np.ones(7)).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    assert found["mean"] == pytest.approx(100 * 4 / 7)
    assert found["standard_error"] == pytest.approx(100 * fit.bse[0])
    assert found["problems"] == 4
    assert fit.bse[0] > sm.OLS(won, np.ones(7)).fit().bse[0]  # or clustering would not matter here


def test_draws_with_seeds_against_loops():
    random = np.random.default_rng(3)
    won = random.integers(0, 2, (3, 7))
    frame = long_table(
        {("r", s): {g: (int(w), 1 - int(w), 0) for g, w in zip(DRAWN, won[s], strict=True)} for s in range(3)}
    )
    found = columns.cell(columns.success(frame, "r"))
    clusters = [[0, 1, 2], [3, 4], [5], [6]]
    deviations = won - won.mean(axis=1, keepdims=True)
    totals = np.array([[deviations[s, c].sum() for c in clusters] for s in range(3)])  # (S, G)
    between = 4 / 3 * sum(total**2 for total in totals.mean(axis=0)) / 7**2
    rest = (
        sum((totals[s, g] - totals[:, g].mean()) ** 2 for s, g in itertools.product(range(3), range(4)))
        * (4 / 7) ** 2
        / (2 * 3)
        / (3 * 4)
    )
    seeds = won.mean(axis=1).var(ddof=1) / 3
    assert found["mean"] == pytest.approx(100 * won.mean())
    assert found["standard_error"] == pytest.approx(100 * math.sqrt(between + max(0, seeds - rest)))


def test_paired_difference_of_draws_flips_games():
    """Every sign pattern of the four games' summed differences."""
    other = dict.fromkeys(DRAWN, 0) | {"d": 1}
    first, second = (
        columns.success(long_table({("r", 0): {g: (w, 1 - w, 0) for g, w in won.items()}}), "r")
        for won in (DRAWN, other)
    )
    found = columns.difference(first, second)
    sums = np.array([3, 0, 1, -1])
    signs = np.array(list(itertools.product((1, -1), repeat=4)))
    extreme = abs(signs @ sums) >= abs(sums.sum())
    assert found["mean"] == pytest.approx(100 * 3 / 7)
    assert found["p_permutation"] == pytest.approx(extreme.mean())


@pytest.mark.parametrize(
    ("won", "low", "high"), [(0, 0, 100 * (1 - 0.05 ** (1 / 30))), (2, 100 * 0.05 ** (1 / 30), 100)]
)
def test_all_games_alike_have_the_interval_of_the_rule_of_three(won, low, high):
    frame = long_table({("r", s): {f"g{i}": (won, 2 - won, 0) for i in range(30)} for s in (0, 1)})
    found = columns.cell(columns.success(frame, "r"))
    assert (found["mean"], found["low"], found["high"]) == pytest.approx((50 * won, low, high))


def test_differences_that_are_all_alike_have_no_detectable_difference():
    lost, won = (
        columns.success(long_table({("r", 0): {f"g{i}": (w, 1 - w, 0) for i in range(6)}}), "r")
        for w in (0, 1)
    )
    same, opposite = columns.difference(lost, lost), columns.difference(won, lost)
    assert (same["mean"], same["p"]) == (0, 1)
    assert same["low"] == pytest.approx(-same["high"]) == pytest.approx(-100 * (1 - 0.05 ** (1 / 6)))
    assert math.isnan(same["detectable"])
    assert opposite["p"] == pytest.approx(2 / 2**6)
    assert (opposite["mean"], opposite["high"]) == pytest.approx((100, 100))
    assert opposite["low"] > 0


def test_missing_games_are_errors():
    frame = long_table(OUTCOMES)
    with pytest.raises(UserError, match="no episodes of model on unseen"):
        columns.lines(SPEC, frame[frame.row != "model"], "unseen")
    with pytest.raises(UserError, match="no episodes of model on seen"):
        columns.lines(SPEC, frame, "seen")
    missing = frame[(frame.row != "base") | (frame.seed != 1) | (frame.problem != "a")]
    with pytest.raises(UserError, match="base on unseen were not played by every seed"):
        columns.lines(SPEC, missing, "unseen")
    failed = long_table({("r", 0): {"a": (1, 0, 0), "a#2": (1, 0, 0), "b": (0, 0, 1)}})
    with pytest.raises(UserError, match=r"1 game\(s\) were finished in all runs"):
        columns.cell(columns.success(failed, "r"))
    other = columns.success(long_table({("r", 0): {"c": (1, 0, 0), "d": (1, 0, 0)}}), "r")
    with pytest.raises(UserError, match=r"0 game\(s\) were finished in all runs"):
        columns.difference(columns.success(failed, "r"), other)


def test_the_description_names_games_conditions_and_failures():
    text = columns.describe(long_table(OUTCOMES), "unseen")
    assert "5 games (generated, version 0123456789ab), protocol compact avg@2, at most 20 steps." in text
    assert "neither won nor lost: model 1, base 3, better 2." in text
    assert "not comparable with the paper's" in text
    drawn = long_table({("r", 0): dict.fromkeys(DRAWN, (1, 0, 0))}).assign(protocol="verl_agent greedy")
    text = columns.describe(drawn, "unseen")
    assert "7 draws of 4 games" in text
    assert "neither won nor lost: none." in text
    assert "not comparable" not in text
