"""Exponents recovered from power laws, and the long table of the variance."""

import numpy as np
import pandas as pd
import pytest

from studies.estimators import variance
from studies.estimators.spec import EstimatorsSpec, VarianceSpec

SMALL = EstimatorsSpec(
    gammas=(0.0, 1.0),
    variance=VarianceSpec(tokens=4, horizons=(8, 16, 32), fit_from=8, rollouts=256, pairs=4),
)


def power_laws(exponents: dict[float, list[float]]) -> pd.DataFrame:
    """A pair per exponent, from horizon 16 on; what is shorter follows no law."""
    rows = []
    for gamma, slopes in exponents.items():
        for pair, slope in enumerate(slopes):
            rows.append(("c", pair, gamma, 4, 1e9))
            rows += [("c", pair, gamma, horizon, 7.0 * horizon**slope) for horizon in (16, 64, 256)]
    return pd.DataFrame(rows, columns=["chain", "pair", "gamma", "horizon", "variance"])


def test_exponents_of_power_laws():
    slopes = {0.0: [1.4, 1.45, 1.55, 1.6], 1.0: [2.8, 2.9, 3.1, 3.2]}
    found = variance.exponents(power_laws(slopes), VarianceSpec()).set_index("gamma")
    assert found.exponent.to_list() == pytest.approx([1.5, 3.0])
    for gamma, own in slopes.items():
        assert min(own) - 0.1 < found.low[gamma] < found.exponent[gamma] < found.high[gamma] < max(own) + 0.1
    assert found.pairs.to_list() == [4, 4]
    assert found.paper_bound.to_list() == [2, 4]
    assert found.martingale_bound.to_list() == [2, 3]


def test_a_closed_form_has_an_exponent_without_interval():
    found = variance.exponents(power_laws({1.0: [3.0]}), VarianceSpec()).iloc[0]
    assert found.exponent == pytest.approx(3.0)
    assert np.isnan([found.low, found.high]).all()


def test_the_table_holds_every_case_below_its_bounds():
    table = variance.measure(SMALL)
    assert len(table) == 3 * 4 * 2 * 3 + 2 * 3
    chains = table[table.chain != "gaussian"]
    assert (chains.variance < chains.martingale_bound).all()
    assert (chains.martingale_bound <= chains.paper_bound * (1 + 1e-12)).all()
    wide = chains.pivot(index=["chain", "pair", "horizon"], columns="gamma", values="variance")
    ratio = (wide[1.0] / wide[0.0]).groupby("horizon").median()
    assert ratio.is_monotonic_increasing
    assert ratio[32] > 2
    pd.testing.assert_frame_equal(table, variance.measure(SMALL))
