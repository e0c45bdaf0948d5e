"""McNemar's exact test against statsmodels and the sign-flip test."""

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar

from eval.statistics import mcnemar_p, sign_flip_p


@pytest.mark.parametrize("seed", range(5))
def test_equals_statsmodels_and_the_sign_flip_test(seed):
    first, second = np.random.default_rng(seed).random((2, 60)) < [[0.7], [0.5]]
    table = [[(first & second).sum(), (first & ~second).sum()], [(~first & second).sum(), 0]]
    expected = mcnemar(table, exact=True).pvalue
    found = mcnemar_p(first.astype(float), second.astype(float))
    assert found == pytest.approx(expected)
    assert found == pytest.approx(sign_flip_p(first.astype(float) - second))


def test_no_discordant_problem():
    assert mcnemar_p(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 1


def test_shares_are_refused():
    with pytest.raises(ValueError, match="one sample per problem"):
        mcnemar_p(np.array([0.5, 1.0]), np.array([0.0, 1.0]))
