"""maj@q: how often the most frequent of q answers is right.

The mean over all subsets of q of the k samples: 1 / (number of tied answers) if the right answer is among
the most frequent, else 0. Samples without an answer that could be read (truncated, none extracted,
ungraded) do not vote but do take a place in the subset; a subset in which nobody votes scores 0.
Exact: subsets are counted by a generating function over the groups of equal answers, not drawn.
"""

from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from eval.statistics.strata import Matrix

ABSTAINS = -1


def maj_at_q(groups: NDArray[np.integer], right: NDArray[np.integer], q: int) -> Matrix:
    """(N,) maj@q of each problem.

    `groups` (N, k) labels the answers of each problem by equality under the grader, -1 for a sample
    that has none; `right` (N,) is the label of the right group, -1 where no sample is right. Answers
    that equal the gold must share a label. The mean over problems estimates maj@q without bias.
    """
    groups, right = np.asarray(groups), np.asarray(right)
    if not 1 <= q <= groups.shape[1]:
        raise ValueError(f"maj@{q} needs between 1 and k = {groups.shape[1]} samples")
    return np.array([_problem(labels, label, q) for labels, label in zip(groups, right, strict=True)])


def _problem(labels: NDArray, right: int, q: int) -> float:
    votes = labels[labels != ABSTAINS]
    of_right = int((votes == right).sum())
    rivals = np.unique(votes[votes != right], return_counts=True)[1]
    return plurality(of_right, tuple(sorted(rivals.tolist())), len(labels) - len(votes), q)


@lru_cache(maxsize=100_000)
def plurality(right: int, rivals: tuple[int, ...], abstaining: int, q: int) -> float:
    """maj@q of one problem, from how many samples gave the right answer, each other one, and none."""
    wins = 0.0
    for votes in range(1, min(right, q) + 1):
        ways = _rival_ways(rivals, votes, q - votes)
        # ways[t, n]: choices of n rival votes, none above `votes`, with t rivals level. The rest abstains.
        silent = np.array([comb(abstaining, q - votes - n) for n in range(q - votes + 1)], float)
        share = 1 / np.arange(1, len(ways) + 1)
        wins += comb(right, votes) * float(share @ (ways @ silent))
    return wins / comb(right + sum(rivals) + abstaining, q)


def _rival_ways(rivals: tuple[int, ...], most: int, places: int) -> Matrix:
    """(ties + 1, places + 1) numbers of ways in which rivals take n places with at most `most` each."""
    ways = np.zeros((places // most + 1, places + 1))
    ways[0, 0] = 1
    for size in rivals:
        taken = ways.copy()
        for n in range(1, min(size, most, places) + 1):
            if n < most:
                taken[:, n:] += comb(size, n) * ways[:, :-n]
            else:
                taken[1:, n:] += comb(size, n) * ways[:-1, :-n]
        ways = taken
    return ways
