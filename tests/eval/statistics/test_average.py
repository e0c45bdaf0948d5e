"""avg@k: both standard errors against what they estimate."""

import math

import numpy as np
import pytest

from eval.statistics import avg_at_k, resampling_error


def test_four_problems_by_hand():
    found = avg_at_k([0, 1, 2, 2], 2)
    shares = np.array([0, 0.5, 1, 1])
    assert found.mean == pytest.approx(0.625)
    assert found.clustered_error == pytest.approx(math.sqrt(((shares - 0.625) ** 2).sum() / (4 * 3)))
    assert found.resampling_error == pytest.approx(math.sqrt(0.25 / 1) / 4)
    assert found.low < 0.625 < found.high


def test_suites_weigh_equally():
    found = avg_at_k([4, 2, 0, 1, 1, 0], [4, 4, 2, 2, 2, 2], np.array(list("aabbbb")))
    assert found.mean == pytest.approx((0.75 + 0.25) / 2)
    expected = math.sqrt(0.5**2 / 2**2 * 0.25 / 3 + 2 * 0.5**2 / 4**2 * 0.25 / 1)
    assert found.resampling_error == pytest.approx(expected)


def test_errors_are_the_spread_of_repeated_evaluations():
    """New problems and samples spread as the clustered error says, new samples alone as the other."""
    rng = np.random.default_rng(0)
    problems, k, repeats = 60, 4, 2000
    fixed = rng.beta(1, 2, problems)
    of_new = rng.binomial(k, rng.beta(1, 2, (repeats, problems)))
    of_same = rng.binomial(k, fixed, (repeats, problems))
    clustered = [row.std(ddof=1) / k / math.sqrt(problems) for row in of_new]
    assert [avg_at_k(row, k).clustered_error for row in of_new[:20]] == pytest.approx(clustered[:20])
    assert np.mean(np.square(clustered)) == pytest.approx((of_new.mean(1) / k).var(), rel=0.1)
    resampling = [resampling_error(row / k, k) for row in of_same]
    assert np.mean(np.square(resampling)) == pytest.approx((of_same.mean(1) / k).var(), rel=0.1)


def test_one_sample_has_no_resampling_error():
    assert math.isnan(avg_at_k([0, 1, 1], 1).resampling_error)


@pytest.mark.parametrize(("correct", "k"), [([0, 3], 2), ([-1, 0], 2), ([0, 0], 0)])
def test_impossible_counts_are_refused(correct, k):
    with pytest.raises(ValueError, match="between 0 and k"):
        avg_at_k(correct, k)
