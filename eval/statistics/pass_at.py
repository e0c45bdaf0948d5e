"""pass@q: the chance that at least one of q samples is correct."""

import numpy as np
from numpy.typing import NDArray

from eval.statistics.strata import Matrix


def pass_at_q(correct: NDArray, k: int, q: int) -> Matrix:
    """(N,) unbiased pass@q of each problem from (N,) counts of correct samples out of `k`.

    1 - C(k - c, q) / C(k, q), the share of q-subsets with a correct sample (Chen et al. 2021,
    arXiv 2107.03374), as the product of (1 - q / n) over n = k - c + 1 .. k, which never overflows.
    The mean over problems estimates pass@q without bias; `mean_interval` gives its interval.
    """
    correct = np.asarray(correct)
    if not 1 <= q <= k:
        raise ValueError(f"pass@{q} needs between 1 and k = {k} samples; draw more samples for a larger q")
    if correct.min() < 0 or correct.max() > k:
        raise ValueError(f"counts of correct samples must lie between 0 and k = {k}")
    factors = 1 - q / np.arange(k, 0, -1)
    all_wrong = np.concatenate([[1.0], np.cumprod(np.maximum(factors, 0))])
    return 1 - all_wrong[correct]
