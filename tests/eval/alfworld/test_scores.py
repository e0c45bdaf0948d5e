"""Scores of hand-made episode records against values worked out by hand and against statsmodels."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from eval.alfworld.scores import ALL, MACRO, paired, problems, render, success, table
from programs.errors import UserError


def turn(valid=True, admissible=True, cut_off=False) -> dict:
    return {"valid_format": valid, "admissible": admissible, "cut_off": cut_off}


GOOD_TURN = turn()


def episode(problem, outcome, task_type="pick", sample=0, turns=(GOOD_TURN,)) -> dict:
    identity = {"suite": "panel", "protocol": "p", "problem": problem, "sample": sample}
    return {**identity, "task_type": task_type, "outcome": outcome, "steps": len(turns), "turns": list(turns)}


def panel(won, lost, error=0, task_type="pick") -> list[dict]:
    """One episode per game."""
    outcomes = ["won"] * won + ["lost"] * lost + ["error"] * error
    return [episode(f"{task_type}{i}", outcome, task_type) for i, outcome in enumerate(outcomes)]


def row(records, name=ALL):
    lines = table(problems(records)).set_index("row")
    return lines.loc[name]


def test_one_episode_per_game_has_wilsons_interval():
    found = row(panel(7, 5))
    assert (found.won, found.lost, found.error, found.samples, found.games) == (7, 5, 0, 12, 12)
    assert found.interval == "Wilson"
    assert (found.low, found.high) == pytest.approx(proportion_confint(7, 12, method="wilson"))


def test_errors_are_neither_won_nor_lost():
    found = row(panel(7, 5, error=3))
    assert found.success == pytest.approx(7 / 12)
    assert (found.low, found.high) == pytest.approx(proportion_confint(7, 12, method="wilson"))
    assert found.error_share == pytest.approx(3 / 15)
    assert found.lost_share == pytest.approx(5 / 15)
    assert found.won + found.lost + found.error == found.samples


def test_only_errors_have_no_success():
    found = row(panel(0, 0, error=2))
    assert np.isnan(found.success)
    assert np.isnan(found.low)
    assert found.error_share == 1


def test_micro_and_macro_average():
    """9 of 10 and 1 of 2: 10 of 12 games, but (0.9 + 0.5) / 2 over types."""
    records = panel(9, 1, task_type="pick") + panel(1, 1, task_type="heat")
    assert row(records).success == pytest.approx(10 / 12)
    assert row(records, MACRO).success == pytest.approx(0.7)
    assert row(records, "pick").success == pytest.approx(0.9)
    assert row(records, "heat").games == 2


def test_a_type_with_one_game_leaves_the_mean_of_types_without_interval():
    found = row(panel(9, 1) + panel(1, 0, task_type="heat"), MACRO)
    assert found.success == pytest.approx(0.95)
    assert np.isnan(found.low)


def test_repeats_are_clustered_by_game():
    """Four equal repeats say no more than one: the interval must not shrink as if they were new games."""
    once = panel(8, 8)
    repeated = [record | {"sample": sample} for record in once for sample in range(4)]
    found, naive = row(repeated), proportion_confint(32, 64, method="wilson")
    assert (found.samples, found.games, found.success) == (64, 16, 0.5)
    assert found.interval == "games resampled"
    assert found.high - found.low > 1.7 * (naive[1] - naive[0])


def test_a_game_with_one_error_among_its_repeats_keeps_the_others():
    records = [
        *(episode("a", outcome, sample=i) for i, outcome in enumerate(["won", "lost", "error"])),
        *(episode("b", outcome, sample=i) for i, outcome in enumerate(["lost", "lost", "lost"])),
    ]
    assert row(records).success == pytest.approx((1 / 2 + 0) / 2)


def test_rates():
    turns = [
        turn(valid=False, admissible=False),
        turn(admissible=None),  # a thought: well formed, and no attempt at a command
        turn(cut_off=True),
        turn(admissible=False),
    ]
    found = row([episode("a", "won", turns=turns), episode("b", "lost", turns=[turn()] * 6)])
    assert found.invalid_format == pytest.approx(1 / 10)
    assert found.inadmissible == pytest.approx(2 / 9)
    assert found.cut_off == pytest.approx(1 / 10)
    assert found.won_steps == 4
    assert found.lost_share == 0.5


def test_unknown_outcomes_are_refused():
    with pytest.raises(ValueError, match="unknown outcome 'won '"):
        problems([episode("a", "won ")])


def test_paired_difference_against_mcnemar():
    first, second = np.random.default_rng(0).random((2, 40)) < [[0.7], [0.4]]
    a, b = (
        problems([episode(f"g{i}", "won" if won else "lost") for i, won in enumerate(run)])
        for run in (first, second)
    )
    found = paired(a, b.sample(frac=1, random_state=0))
    cells = [[(first & second).sum(), (first & ~second).sum()], [(~first & second).sum(), 0]]
    assert found["difference"] == pytest.approx(first.mean() - second.mean())
    assert found["p"] == pytest.approx(mcnemar(cells, exact=True).pvalue)
    assert found["p_mcnemar"] == pytest.approx(found["p"])
    assert (found["games"], found["dropped"]) == (40, 0)
    assert found["low"] < found["difference"] < found["high"]


def test_paired_leaves_out_games_with_errors_and_refuses_other_panels():
    a, b = problems(panel(3, 1, error=1)), problems(panel(1, 4))
    found = paired(a, b)
    assert (found["games"], found["dropped"]) == (4, 1)
    assert found["difference"] == pytest.approx(2 / 4)
    with pytest.raises(UserError, match="same games"):
        paired(a, problems(panel(1, 3)))
    with pytest.raises(UserError, match="2 or more"):
        paired(a, problems(panel(0, 1, error=4)))


def doubled(outcomes: str) -> list[dict]:
    """Every game drawn twice, as in `legacy_128`, with one outcome: nothing is learnt the second time."""
    names = {"w": "won", "l": "lost"}
    return [episode(f"g{i}{copy}", names[letter]) for i, letter in enumerate(outcomes) for copy in ("", "#2")]


def test_repeated_draws_of_a_game_are_one_cluster():
    found = row(doubled("wwwlwlwwll"))
    shares = np.array([letter == "w" for letter in "wwwlwlwwll"], float)
    error = shares.std(ddof=1) / np.sqrt(10)
    low, high = stats.t.interval(0.95, 9, shares.mean(), error)
    assert (found.success, found.interval) == (pytest.approx(0.6), "clustered by game")
    assert (found.low, found.high) == pytest.approx((low, high))


def test_draws_of_a_game_are_one_cluster_of_its_type():
    """Six draws of each of 48 games say of the mean of types what one draw says."""
    once = [
        episode(f"{kind}{i}", "won" if (i * kind) % 3 else "lost", f"{kind}")
        for kind in range(1, 7)
        for i in range(8)
    ]
    drawn = [
        record | {"problem": record["problem"] + copy}
        for record in once
        for copy in ("", *(f"#{i}" for i in range(2, 7)))
    ]
    alone, found = row(once, MACRO), row(drawn, MACRO)
    assert (found.success, found.interval) == (alone.success, "clustered by game")
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))


def test_draws_weigh_in_their_type():
    """Of pick, a is drawn three times and won, b once and lost; heat has two games, one of them won."""
    draws = {"a": "won", "a#2": "won", "a#3": "won", "b": "lost"}
    records = [episode(game, outcome) for game, outcome in draws.items()] + panel(1, 1, task_type="heat")
    found = row(records, MACRO)
    assert found.success == pytest.approx((3 / 4 + 1 / 2) / 2)
    # Ratio and mean: G / (G - 1) sum (n (p - mean))^2 / N^2 of pick, half the type's weight each.
    of_pick, of_heat = 2 * ((3 / 4) ** 2 + (3 / 4) ** 2) / 4**2, 2 * (2 * (1 / 2) ** 2) / 2**2
    freedom = (of_pick + of_heat) ** 2 / (of_pick**2 + of_heat**2)
    half = stats.t.ppf(0.975, freedom) * np.sqrt((of_pick + of_heat) / 4)
    assert (found.low, found.high) == pytest.approx((max(0, 0.625 - half), min(1, 0.625 + half)))


def test_a_type_of_which_one_game_was_drawn_has_no_interval_of_its_mean():
    found = row(doubled("wl") + panel(1, 0, task_type="heat"), MACRO)
    assert (found.success, found.interval) == (0.75, "none")
    assert np.isnan(found.low)


def test_draws_of_one_game_have_no_interval():
    found = row(doubled("w"))
    assert (found.success, found.interval) == (1.0, "none")
    assert np.isnan(found.low)


def test_repeated_draws_are_compared_as_games():
    found = paired(problems(doubled("wwwlwlwwll")), problems(doubled("wlllwlwlwl")))
    differences = np.array([0, 1, 1, 0, 0, 0, 0, 1, -1, 0])
    low, high = stats.t.interval(0.95, 9, 0.2, differences.std(ddof=1) / np.sqrt(10))
    assert (found["games"], found["difference"]) == (20, pytest.approx(0.2))
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    assert found["p"] == pytest.approx(10 / 16)  # of the signs of four games, ten have two or more too many
    assert "mean" not in found
    assert np.isnan(found["p_mcnemar"])


def test_success_of_games_that_all_were_won_is_no_certainty():
    frame = problems([episode(f"g{i}", "won", sample=s) for i in range(10) for s in range(2)])
    found = success(frame)
    assert found["success"] == found["high"] == 1
    assert found["low"] == pytest.approx(0.05 ** (1 / 10))


def test_render_shows_percentages_and_dashes():
    text = render(table(problems(panel(1, 1, error=1))))
    first = text.splitlines()[2].split("|")
    cells = [cell.strip() for cell in first[1:-1]]
    assert cells == ["all", "3", "3", "1", "1", "1", "50.0 [9.5, 90.5]", "1.0", "0.0", "0.0", "0.0"]
    lines = render(table(problems(panel(0, 0, error=1))))
    assert "- [-, -]" in lines
