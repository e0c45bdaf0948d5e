"""Wilson's interval against statsmodels and its definition as an inverted score test."""

import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from eval.statistics import wilson_interval


@pytest.mark.parametrize(("won", "games"), [(0, 12), (1, 1), (7, 13), (116, 128), (134, 134)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_equals_statsmodels(won, games, confidence):
    expected = proportion_confint(won, games, alpha=1 - confidence, method="wilson")
    assert wilson_interval(won, games, confidence) == pytest.approx(expected, abs=1e-12)


def test_ends_are_the_shares_that_a_score_test_just_rejects():
    for share in wilson_interval(116, 128):
        z = (116 / 128 - share) / (share * (1 - share) / 128) ** 0.5
        assert 2 * stats.norm.sf(abs(z)) == pytest.approx(0.05)


def test_the_papers_rows_overlap():
    """Values in shared use for 116 and 122 of 128 games."""
    assert wilson_interval(116, 128) == pytest.approx((0.843, 0.946), abs=5e-4)
    assert wilson_interval(122, 128) == pytest.approx((0.902, 0.978), abs=5e-4)


@pytest.mark.parametrize(("won", "games"), [(0, 0), (-1, 3), (4, 3)])
def test_impossible_counts_are_refused(won, games):
    with pytest.raises(ValueError, match="have no interval"):
        wilson_interval(won, games)
