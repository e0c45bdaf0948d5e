"""Statistics of evaluation: estimators, intervals, tests. `docs/statistics.md` says when to use which.

Estimators give one value per problem (`pass_at_q`, `maj_at_q`, shares of correct samples); everything
else takes such values. Pure functions of numpy arrays; this package imports nothing else of the project.
"""

from eval.statistics.average import Average, avg_at_k, resampling_error
from eval.statistics.bootstrap import bootstrap_interval
from eval.statistics.comparison import Comparison, compare, significance
from eval.statistics.crossed import Estimate, estimate, paired_difference, zero_p
from eval.statistics.holm import holm
from eval.statistics.interval import mean_interval
from eval.statistics.majority import maj_at_q
from eval.statistics.mcnemar import mcnemar_p
from eval.statistics.pairing import check_seeds
from eval.statistics.pass_at import pass_at_q
from eval.statistics.power import detectable_difference, detection_power, seeds_needed
from eval.statistics.sign_flip import sign_flip_p
from eval.statistics.strata import Matrix
from eval.statistics.wilson import wilson_interval

__all__ = [
    "Average",
    "Comparison",
    "Estimate",
    "Matrix",
    "avg_at_k",
    "bootstrap_interval",
    "check_seeds",
    "compare",
    "detectable_difference",
    "detection_power",
    "estimate",
    "holm",
    "maj_at_q",
    "mcnemar_p",
    "mean_interval",
    "paired_difference",
    "pass_at_q",
    "resampling_error",
    "seeds_needed",
    "sign_flip_p",
    "significance",
    "wilson_interval",
    "zero_p",
]
