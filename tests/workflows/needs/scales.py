"""Plans of the shipped scales."""

from workflows.plan import Plan, merge
from workflows.scale import CONFIG, plan, read


def scale(*names: str, **changes) -> Plan:
    """A plan of shipped config files, and changes over them."""
    return plan(merge(read([CONFIG / f"{name}.yaml" for name in names]), changes))
