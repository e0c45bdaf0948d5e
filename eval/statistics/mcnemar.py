"""McNemar's exact test: two runs with one answer per problem."""

import numpy as np
from scipy import stats

from eval.statistics.strata import Matrix


def mcnemar_p(first: Matrix, second: Matrix) -> float:
    """Two-sided exact p from (N,) scores that are 0 or 1.

    Only problems that one of the two solves count; of these, each wins half if the runs are alike.
    Equal to the sign-flip p of such scores.
    """
    if not np.isin([first, second], (0, 1)).all():
        raise ValueError("McNemar's test is for one sample per problem: scores of 0 or 1")
    won, lost = int((first > second).sum()), int((first < second).sum())
    return float(stats.binomtest(won, won + lost).pvalue) if won + lost else 1.0
