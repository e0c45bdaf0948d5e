"""Strata of problems: suites, which weigh equally whatever their size."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def problem_weights(problems: int, strata: NDArray | None) -> Matrix:
    """(N,) weights of the problems in the mean: equal, or equal per stratum. They sum to 1."""
    if strata is None:
        return np.full(problems, 1 / problems)
    _, index, counts = np.unique(strata, return_inverse=True, return_counts=True)
    return 1 / (len(counts) * counts[index])


def split(values: Matrix, strata: NDArray | None) -> list[Matrix]:
    """The (N,) values of each stratum; all of them as one where `strata` is None."""
    if strata is None:
        return [values]
    return [values[strata == label] for label in np.unique(strata)]
