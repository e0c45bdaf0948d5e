"""Intervals over seeds hold the truth as often as they say, and the simulation draws what it says."""

from dataclasses import replace

import numpy as np
import pytest

from eval.statistics.seed_coverage import SETTINGS, measure, probabilities, replicate, simulate


def setting(name):
    return next(setting for setting in SETTINGS if setting.name == name)


@pytest.mark.parametrize("name", ["methods alike but for seeds", "greedy"])
def test_three_seeds_cover_where_one_quantile_does_not(name):
    found = replicate(setting(name), 3, 1000)
    covered = measure(found)
    assert covered["Satterthwaite"][0] < 0.92
    assert covered["used"][0] > 0.94
    # The interval that is reported is the one that was measured.
    held = np.mean([difference.low <= 0 <= difference.high for difference, _ in found])
    assert held == covered["used"][0]
    assert np.mean([score.low <= 50 <= score.high for _, score in found]) > 0.94


def test_mean_scores_are_the_levels():
    """Of one method, whatever the effects; suites keep their order."""
    of_suites = replace(setting("seeds differ much"), levels=(0.02, 0.3, 0.95), problems=50)
    drawn = probabilities(of_suites, (400, 2, 2, 150), np.random.default_rng(0))
    means = drawn.reshape(-1, 3, 50).mean((0, 2))
    assert means == pytest.approx([0.02, 0.3, 0.95], abs=0.01)
    assert of_suites.truth == pytest.approx(100 * np.mean([0.02, 0.3, 0.95]))


def test_effects_are_where_they_belong():
    """Without any, only samples differ; problems are shared by methods and seeds, seeds by nothing."""
    nothing = replace(SETTINGS[0], problem=0, method=0, rest=0)
    assert np.ptp(probabilities(nothing, (1, 2, 3, 400), np.random.default_rng(0)), axis=(0, 1, 2)).max() == 0
    shared = replace(nothing, problem=1.0)
    first, second = probabilities(shared, (1, 2, 3, 400), np.random.default_rng(0))[0]
    assert (first == second).all()
    assert (first[0] == first[1]).all()
    seeds = replace(nothing, levels=(0.5, 0.5), seed=1.0)
    values = probabilities(seeds, (1, 2, 3, 160), np.random.default_rng(0))[0]
    assert np.ptp(values, axis=-1).max() == 0
    assert len(np.unique(values)) == 6
    suites = probabilities(replace(seeds, seed=0, suite=1.0), (1, 2, 3, 160), np.random.default_rng(0))[0]
    assert len(np.unique(suites)) == 12


def test_answers_are_percentages_of_so_many_samples():
    pairs = list(simulate(replace(SETTINGS[0], samples=4), 3, 201, np.random.default_rng(0)))
    assert len(pairs) == 201
    assert pairs[0].shape == (2, 3, 400)
    assert set(np.unique(pairs)) == {0, 25, 50, 75, 100}
