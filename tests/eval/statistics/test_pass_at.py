"""pass@q against all subsets, exact fractions, and the truth that it estimates."""

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest

from eval.statistics import pass_at_q


@pytest.mark.parametrize("q", range(1, 7))
def test_is_the_mean_over_all_subsets(q):
    for correct in range(7):
        samples = [1] * correct + [0] * (6 - correct)
        expected = np.mean([any(subset) for subset in combinations(samples, q)])
        assert pass_at_q([correct], 6, q)[0] == pytest.approx(expected, abs=1e-12)


def test_is_stable_for_many_samples():
    for correct in (0, 1, 37, 9_990, 10_000):
        expected = 1 - Fraction(comb(10_000 - correct, 700), comb(10_000, 700))
        assert pass_at_q([correct], 10_000, 700)[0] == pytest.approx(float(expected), rel=1e-9)


def test_is_unbiased():
    rng = np.random.default_rng(0)
    rates = np.array([0.05, 0.3, 0.7])
    counts = rng.binomial(8, rates, (100_000, 3))
    for q in (1, 4, 8):
        found = np.mean([pass_at_q(counts[:, i], 8, q) for i in range(3)], axis=1)
        assert found == pytest.approx(1 - (1 - rates) ** q, abs=0.005)
        # Treating the observed share as the rate is biased.
        assert abs(np.mean(1 - (1 - counts[:, 0] / 8) ** 8) - (1 - 0.95**8)) > 0.03


@pytest.mark.parametrize(("correct", "q"), [(1, 0), (1, 5), (5, 2), (-1, 2)])
def test_what_cannot_be_estimated_is_refused(correct, q):
    with pytest.raises(ValueError, match="between"):
        pass_at_q([correct], 4, q)
