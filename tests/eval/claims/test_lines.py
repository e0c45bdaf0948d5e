"""Lines of a table and the order of its values, against scipy and statsmodels."""

from itertools import combinations_with_replacement, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from eval.claims import lines
from eval.claims.spec import LineComparison, OrderComparison
from eval.claims.verdict import decide
from tests.eval.claims.by_hand import ASKED

RANK = {"contradicted": 0, "undecided": 1, "supported": 2}


def test_a_line_with_a_standard_error(tmp_path):
    columns = ["quantity", "subject", "mean", "low", "high", "standard_error", "freedom", "clusters"]
    rows = [("share", "a", 0.7, 0.5, 0.9, 0.1, 60, 61), ("share", "b", 0.1, 0.0, 0.2, 0.05, 60, 61)]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "t.csv", index=False)

    def measure(**where):
        return lines.line(LineComparison(**ASKED, file="t.csv", where=where, value=0.5), tmp_path)

    found = measure(quantity="share", subject="a")
    assert (found.mean, found.low, found.high) == pytest.approx((0.2, 0.0, 0.4))
    assert (found.standard_error, found.freedom, found.clusters) == (0.1, 60, 61)
    for where, count in (({"quantity": "share"}, 2), ({"subject": "c"}, 0)):
        with pytest.raises(ValueError, match=rf"t\.csv has {count} lines"):
            measure(**where)
    with pytest.raises(ValueError, match="no column 'who' among"):
        measure(who="a")


def test_a_line_with_an_interval_alone(tmp_path):
    """A t interval gives back its own standard error."""
    values = np.random.default_rng(0).normal(2.8, 0.3, 16)
    interval = stats.ttest_1samp(values, 0).confidence_interval()
    table = {"gamma": [0.0, 1.0], "pairs": 16, "exponent": values.mean(), "low": interval.low}
    pd.DataFrame({**table, "high": interval.high}).to_csv(tmp_path / "e.csv", index=False)
    named = {"file": "e.csv", "mean": "exponent", "clusters": "pairs"}
    found = lines.line(LineComparison(**ASKED, **named, where={"gamma": 1}, value=4), tmp_path)
    assert found.mean == pytest.approx(values.mean() - 4)
    assert found.standard_error == pytest.approx(stats.sem(values))
    assert (found.freedom, found.clusters) == (15, 16)


def ordered(tmp_path, table: dict, **changes):
    """Variances at gamma 0, 0.5 and 1, by (seed, iteration)."""
    rows = [
        (*key, gamma, v)
        for key, of_gamma in table.items()
        for gamma, v in zip((1, 0, 0.5), of_gamma, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["seed", "iteration", "gamma", "variance"])
    frame.to_csv(tmp_path / "o.csv", index=False)
    asked = {"file": "o.csv", "column": "variance", "grows_with": "gamma", "clusters": ["seed"]}
    asked |= {"within": ["iteration"], "value": 0.5} | changes
    return lines.order(OrderComparison(**ASKED, **asked), tmp_path)


def test_the_share_in_order(tmp_path):
    """Seed 0: both in order; seed 1: one, ties are no order; seed 2: none, inf - inf is no order."""
    up, tie, down, lost = (3, 1, 2), (2, 1, 2), (1, 3, 2), (np.inf, 1, np.inf)
    table = {(0, 0): up, (0, 1): up, (1, 0): up, (1, 1): tie, (2, 0): down, (2, 1): lost}
    found = ordered(tmp_path, table)
    shares = np.array([1, 0.5, 0])
    low, high = proportion_confint(1.5, 3, method="wilson")
    assert found.mean == pytest.approx(shares.mean() - 0.5)
    assert (found.low, found.high) == pytest.approx((low - 0.5, high - 0.5))
    assert found.standard_error == pytest.approx((high - low) / 2 / stats.norm.ppf(0.975))
    assert (found.clusters, found.freedom) == (3, np.inf)
    ends = ordered(tmp_path, table, where={"gamma": [0, 1]}, value=0)
    assert ends.mean == pytest.approx((1 + 1 + 0.5) / 3), "without gamma 0.5 tie and lost grow"


def test_clusters_that_agree_are_no_certainty(tmp_path):
    found = ordered(tmp_path, {(seed, 0): (3, 1, 2) for seed in range(4)})
    assert (found.mean, found.high) == (0.5, 0.5)
    assert found.low == pytest.approx(proportion_confint(4, 4, method="wilson")[0] - 0.5)
    assert 0 < found.power(0.1) < 1


@pytest.mark.parametrize(("value", "matters"), [(0.0, 0.5), (0.0083, 0.5), (0.25, 0.25)])
def test_more_order_is_never_less_support_and_three_seeds_cannot_contradict(tmp_path, value, matters):
    up, down = (3, 1, 2), (1, 3, 2)
    verdicts = {}
    for counts in combinations_with_replacement(range(3), 3):  # groups in order, of two per seed
        table = {(seed, i): up if i < n else down for seed, n in enumerate(counts) for i in range(2)}
        found = ordered(tmp_path, table, value=value)
        verdicts[counts] = decide("above", found.mean, found.low, found.high, matters).name
    for (less, weaker), (more, stronger) in product(verdicts.items(), repeat=2):
        if all(a <= b for a, b in zip(less, more, strict=True)):
            assert RANK[weaker] <= RANK[stronger], (less, more)
    assert set(verdicts.values()) == {"undecided", "supported"}


def test_one_value_has_no_order(tmp_path):
    with pytest.raises(ValueError, match=r"1 value\(s\) of gamma have no order"):
        ordered(tmp_path, {(0, 0): (3, 1, 2)}, where={"gamma": [1]})
