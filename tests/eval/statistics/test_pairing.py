"""Runs are paired by their training seeds."""

import pytest

from eval.statistics import check_seeds


def test_equal_seeds_and_single_models_are_paired():
    check_seeds({"a": [0, 1, 1], "model": [0], "b": [1, 0], "other": [7]})
    check_seeds({"model": [0]})


def test_other_seeds_are_refused():
    with pytest.raises(ValueError, match=r"'a' has seeds \[0, 1\] and 'b' \[0, 2\]; only runs of the same"):
        check_seeds({"model": [0], "a": [0, 1], "b": [0, 2]})
