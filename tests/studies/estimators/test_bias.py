"""The table of bias: what is known of it without computing it."""

import pytest

from studies.estimators import bias
from studies.estimators.spec import BiasSpec, EstimatorsSpec


@pytest.fixture(scope="module")
def table():
    return bias.measure(EstimatorsSpec(bias=BiasSpec(tokens=3, horizons=(1, 3, 4), pairs=2)))


def test_one_line_per_case(table):
    assert len(table) == (2 + 1) * 3 * 5


def test_sequence_level_and_single_steps_are_unbiased(table):
    free = table[(table.gamma == 1) | (table.horizon == 1)]
    assert (free.relative_bias == 0).all()
    assert (abs(free.cosine - 1) < 1e-12).all()
    assert free.break_even_batch.isna().all()


def test_bias_falls_with_gamma_and_grows_with_horizon(table):
    walk = table[table.policy == "gaussian"].pivot(index="horizon", columns="gamma", values="relative_bias")
    assert (walk.loc[[3, 4]].diff(axis=1).iloc[:, 1:] < 0).all(axis=None)
    assert walk.loc[4, 0.0] > walk.loc[3, 0.0]


def test_break_even_batch_equates_the_mean_squared_errors(table):
    case = table[(table.policy == "gaussian") & (table.horizon == 4)].set_index("gamma")
    biased, unbiased = case.loc[0.0], case.loc[1.0]
    batch = biased.break_even_batch
    error = biased.relative_bias**2 + biased.relative_deviation**2 / batch
    assert error == pytest.approx(unbiased.relative_deviation**2 / batch)
