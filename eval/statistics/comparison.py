"""Two runs on the same problems."""

from dataclasses import dataclass

from numpy.typing import NDArray

from eval.statistics.crossed import Estimate, estimate, zero_p
from eval.statistics.power import detectable_difference
from eval.statistics.sign_flip import sign_flip_p
from eval.statistics.strata import Matrix


@dataclass(frozen=True)
class Comparison:
    """first - second in [-1, 1], with its 95 % interval, sign-flip p and what could have been detected.

    `detectable` is the true difference that such a comparison finds in 80 % of cases; nan where all problems
    differ by the same amount, so that there is no error to estimate.
    """

    difference: float
    low: float
    high: float
    standard_error: float
    p: float
    detectable: float


def compare(first: Matrix, second: Matrix, strata: NDArray | None = None) -> Comparison:
    """Compare (N,) shares of correct samples, paired by problem; with `strata` suites weigh equally.

    The interval is the t interval at any N: where few differences are not zero, a bootstrap over problems
    leaves zero out too often (docs/statistics.md).
    """
    if first.shape != second.shape:
        raise ValueError(f"{len(first)} and {len(second)} problems cannot be paired")
    differences = first - second
    found = estimate(differences[None], strata, bounds=(-1, 1))
    return Comparison(
        difference=found.mean,
        low=found.low,
        high=found.high,
        standard_error=found.standard_error,
        p=sign_flip_p(differences, strata),
        detectable=_detectable(found),
    )


def _detectable(found: Estimate) -> float:
    return float("nan") if found.constant else detectable_difference(found.standard_error, found.freedom)


def significance(found: Estimate, differences: Matrix, strata: NDArray | None = None) -> dict[str, float]:
    """`p`, `p_permutation`, `detectable` (in its unit) and `seeds_alike` of a paired difference over seeds.

    `p` belongs to the interval: new problems and, where there are several, new training seeds.
    `p_permutation` flips the (N,) `differences` of problems with seeds averaged, so it speaks of these
    trained models only: three seeds are too few to permute (2^3 patterns cannot give a p below 0.25).
    Where all problems differ by the same amount there is no error to estimate: `p` is then the
    permutation's, and `detectable` is nan.
    """
    permuted = sign_flip_p(differences, strata)
    return {
        "p": permuted if found.constant else zero_p(found),
        "p_permutation": permuted,
        "detectable": _detectable(found),
        "seeds_alike": found.seeds_alike,
    }
