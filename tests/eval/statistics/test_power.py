"""The minimal detectable difference is detected in 80 % of simulations."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from eval.statistics import detectable_difference


def test_is_2_8_standard_errors():
    assert detectable_difference(1) == pytest.approx(1.959964 + 0.841621, abs=1e-6)
    assert detectable_difference(0.5, confidence=0.99, power=0.9) == pytest.approx(
        0.5 * (stats.norm.ppf(0.995) + stats.norm.ppf(0.9))
    )


@pytest.mark.parametrize(("problems", "tolerance"), [(30, 0.002), (500, 0.002)])
def test_power_of_the_t_test(problems, tolerance):
    """With t quantiles, against the noncentral t."""
    difference = detectable_difference(1 / problems**0.5, problems - 1)
    assert TTestPower().power(difference, problems, 0.05) == pytest.approx(0.8, abs=tolerance)


def test_few_seeds_are_detected_at_least_that_often():
    for freedom in (2, 3, 5):
        noncentral = stats.nct(freedom, detectable_difference(1, freedom))
        assert 0.75 < noncentral.sf(stats.t.ppf(0.975, freedom)) < 0.9, freedom


def test_simulated_power():
    rng = np.random.default_rng(0)
    problems, repeats = 500, 2000
    differences = rng.normal(0, 0.3, (repeats, problems)) + detectable_difference(0.3 / problems**0.5)
    assert np.mean(stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.03)
