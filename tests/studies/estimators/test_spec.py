"""Specs that make no sense are refused."""

import pytest
from pydantic import ValidationError

from studies.estimators.spec import EstimatorsSpec, ToySpec, VarianceSpec


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: VarianceSpec(horizons=(4, 8), fit_from=8), "two horizons"),
        (lambda: ToySpec(trajectories=10, microbatches=4), "cannot be split into 4"),
        (lambda: ToySpec(variants={"base": {}}), "another name"),
        (lambda: ToySpec(variants={"a": {"widht": 3}}), "widht"),
        (lambda: EstimatorsSpec(gammas=(1.5,)), "less than or equal to 1"),
    ],
)
def test_specs_that_make_no_sense(wrong, words):
    with pytest.raises(ValidationError, match=words):
        wrong()
