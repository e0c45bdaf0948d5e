"""The combinations of objective, support and treatment of the rest that mean something."""

import itertools

from opd.names import SUPPORTS
from opd.objectives import OBJECTIVES

ON_SUPPORT = sorted(name for name, objective in OBJECTIVES.items() if objective.on_support)
ESTIMATORS = sorted(set(OBJECTIVES) - set(ON_SUPPORT))
SEVERAL = [name for name in SUPPORTS if name != "sampled"]
TREATMENTS = ("ignored", "renormalised", "tail_bucket")


def refused(name, support_name, treatment):
    """Combinations without meaning: the rest of everything, or of what is estimated already."""
    estimates_the_rest = name.startswith("ema_pg")
    if support_name == "vocabulary":
        return treatment != "ignored"
    return estimates_the_rest and treatment != "ignored"


CASES = [case for case in itertools.product(ON_SUPPORT, SEVERAL, TREATMENTS) if not refused(*case)]
