"""Holm's adjustment against statsmodels, and its promise."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from eval.statistics import holm


@pytest.mark.parametrize("seed", range(5))
def test_equals_statsmodels(seed):
    rng = np.random.default_rng(seed)
    p = np.round(rng.random(rng.integers(1, 12)) ** 3, 2)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_what_has_no_test_does_not_count():
    assert holm([0.02, np.nan, 0.03]) == pytest.approx([0.04, np.nan, 0.04], nan_ok=True)
    assert np.isnan(holm([np.nan])).all()


def test_false_rejections_of_a_table_stay_below_five_per_cent():
    p = np.random.default_rng(0).random((4000, 8))
    assert np.mean([holm(row).min() < 0.05 for row in p]) == pytest.approx(0.05, abs=0.01)
    assert np.mean(p.min(1) < 0.05) > 0.3
