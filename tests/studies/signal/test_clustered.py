"""Clustered errors against statsmodels' and against what resampling whole experiments shows."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from eval.statistics import estimate
from studies.signal.clustered import difference, mean, quantile_difference, ratio


def tokens(seed=0, responses=25):
    """Values that are alike within a response, in responses of 1 to 12 tokens."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 13, responses)
    response = np.repeat(np.arange(responses), sizes)
    gap = random.normal(0, 2, responses)[response] + random.exponential(1, len(response))
    late = np.concatenate([np.arange(size) >= 6 for size in sizes])
    return pd.DataFrame({"response": response, "gap": gap, "late": late})


def sums(table, chosen, responses=25):
    return (
        np.bincount(table.response, table.gap * chosen, responses),
        np.bincount(table.response, chosen.astype(float), responses),
    )


def clustered(table, regressors):
    """Ordinary least squares with errors clustered by response, without a small-sample correction."""
    cluster = {"groups": table.response, "use_correction": False}
    return sm.OLS(table.gap, regressors).fit(cov_type="cluster", cov_kwds=cluster)


def test_equal_responses_give_the_usual_interval():
    values = np.random.default_rng(0).normal(size=30)
    expected = estimate(values[None])
    for found in (mean(values), ratio(7 * values, np.full(30, 7.0))):
        for field in ("mean", "low", "high", "standard_error", "freedom", "problems"):
            assert getattr(found, field) == pytest.approx(getattr(expected, field)), field


def test_a_token_mean_has_the_cluster_robust_error():
    table = tokens()
    found = ratio(*sums(table, table.gap == table.gap))
    reference = clustered(table, np.ones(len(table)))
    assert found.mean == pytest.approx(reference.params["const"])
    assert found.standard_error == pytest.approx(reference.bse["const"] * np.sqrt(25 / 24))
    assert (found.freedom, found.problems) == (24, 25)


def test_a_difference_has_the_cluster_robust_error():
    table = tokens()
    found = difference(sums(table, table.late), sums(table, ~table.late))
    reference = clustered(table, sm.add_constant(table.late.astype(float)))
    reached = table[table.late].response.nunique()
    assert reached < 25
    assert found.mean == pytest.approx(reference.params["late"])
    assert found.standard_error == pytest.approx(reference.bse["late"] * np.sqrt(reached / (reached - 1)))
    assert found.problems == reached


def test_a_quantile_is_the_least_value_that_reaches_the_level():
    table = tokens()
    found = quantile_difference(table[table.late], table[~table.late], 0.05, 25)
    parts = [
        np.quantile(table.gap[chosen], 0.05, method="inverted_cdf") for chosen in (table.late, ~table.late)
    ]
    assert found.mean == pytest.approx(parts[0] - parts[1])
    again = quantile_difference(table[table.late], table[~table.late], 0.05, 25)
    assert (found.low, found.high) == (again.low, again.high)


def test_the_error_of_a_quantile_is_its_spread_over_experiments():
    found = []
    for seed in range(60):
        table = tokens(seed, responses=60)
        found.append(quantile_difference(table[table.late], table[~table.late], 0.25, 60))
    spread = np.std([each.mean for each in found], ddof=1)
    assert np.mean([each.standard_error for each in found]) == pytest.approx(spread, rel=0.25)


def test_what_nobody_reached_is_unknown():
    table = tokens()
    nowhere = table.gap != table.gap
    for found in (
        ratio(*sums(table, nowhere)),
        difference(sums(table, table.late), sums(table, nowhere)),
        quantile_difference(table[nowhere], table[table.late], 0.05, 25),
        mean(np.zeros(0)),
    ):
        assert np.isnan([found.mean, found.low, found.standard_error]).all()
        assert found.problems == 0
