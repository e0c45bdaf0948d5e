"""The minimal detectable difference is detected in 80 % of simulations, as is an effect with enough seeds."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from eval.statistics import detectable_difference, estimate
from eval.statistics.power import detection_power, seeds_needed


def test_is_2_8_standard_errors():
    assert detectable_difference(1) == pytest.approx(1.959964 + 0.841621, abs=1e-5)
    assert detectable_difference(0.5, confidence=0.99, power=0.9) == pytest.approx(
        0.5 * (stats.norm.ppf(0.995) + stats.norm.ppf(0.9))
    )
    critical, found = stats.norm.ppf(0.975), detectable_difference(1)
    assert stats.norm.sf(critical - found) + stats.norm.cdf(-critical - found) == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize("problems", [3, 30, 500])
def test_power_of_the_t_test(problems):
    difference = detectable_difference(1 / problems**0.5, problems - 1)
    assert TTestPower().power(difference, problems, 0.05) == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize("freedom", [0.5, 1, 1.5, 2.7, 4])
def test_few_seeds_are_detected_in_80_percent_too(freedom):
    """Two or three seeds, whose freedom the problems' share makes odd."""
    random = np.random.default_rng(0)
    differences = random.normal(detectable_difference(1, freedom), 1, 400_000)
    errors = (random.chisquare(freedom, 400_000) / freedom) ** 0.5
    rejected = abs(differences) / errors > stats.t.ppf(0.975, freedom)
    assert np.mean(rejected) == pytest.approx(0.8, abs=0.003)


def test_simulated_power():
    rng = np.random.default_rng(0)
    problems, repeats = 500, 2000
    differences = rng.normal(0, 0.3, (repeats, problems)) + detectable_difference(0.3 / problems**0.5)
    assert np.mean(stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("problems", [3, 30, 100_000])
@pytest.mark.parametrize("effect", [0.01, 0.3, -0.5, 20])
def test_power_against_statsmodels(problems, effect):
    found = detection_power(effect, 1 / problems**0.5, problems - 1)
    assert 0.05 <= found <= 1
    # Where an effect is sure to be found, statsmodels has nan for the tail on its other side.
    expected = TTestPower().power(effect, problems, 0.05)
    assert found == pytest.approx(1 if np.isnan(expected) else expected, abs=1e-6)


def test_power_grows_with_the_effect():
    for freedom in (1, 2.7, 4, 399):
        powers = [detection_power(shift, 1, freedom) for shift in np.linspace(0, 60, 61)]
        assert (np.diff(powers) >= -1e-9).all(), freedom


def test_power_with_endless_freedom_is_a_normal_test():
    assert detection_power(2.8, 1) == pytest.approx(stats.norm.sf(1.96 - 2.8), abs=1e-4)
    assert detection_power(2.8, 1, 1e7) == pytest.approx(detection_power(2.8, 1), abs=1e-4)
    assert detection_power(0, 1, 4) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("effect", "deviation", "power"), [(1, 1, 0.8), (2, 1, 0.8), (0.3, 1, 0.9), (4, 1, 0.8)]
)
def test_seeds_with_endless_problems(effect, deviation, power):
    """Then it is the paired t test over seeds."""
    seeds = seeds_needed(effect, deviation, 0, power)
    assert TTestPower().power(effect / deviation, seeds, 0.05) >= power
    assert seeds == 2 or TTestPower().power(effect / deviation, seeds - 1, 0.05) < power


def test_seeds_are_found_by_simulation():
    """As many seeds as it says find the effect in 80 % of studies, one seed fewer in less."""
    effect, deviation, problem_error, problems = 4.0, 3.0, 0.7, 400
    seeds = seeds_needed(effect, deviation, problem_error)
    random = np.random.default_rng(0)

    def found(seeds: int, studies: int = 2000) -> float:
        hits = 0
        for _ in range(studies):
            of_problems = random.normal(0, problem_error * problems**0.5, problems)
            of_seeds = random.normal(effect, deviation, (seeds, 1))
            hits += estimate(of_seeds + of_problems).low > 0
        return hits / studies

    assert seeds == 8
    # The power of the t test of the same width is near, not equal.
    assert found(seeds) == pytest.approx(0.805, abs=0.025)
    assert found(seeds - 1) == pytest.approx(0.745, abs=0.025)


def test_seeds_cannot_make_up_for_problems():
    assert seeds_needed(1, 5, 0.5) is None
    assert seeds_needed(1, 0, 0.3) == 2
    assert seeds_needed(1, 0, 0) == 2
    assert seeds_needed(1, 1e-9, 0.35) == 2
    assert seeds_needed(-4, 3, 0.7) == seeds_needed(4, 3, 0.7)
    with pytest.raises(ValueError, match="difference of 0"):
        seeds_needed(0, 1, 0)
