"""Whether two values are the same: numbers with units, per cent, degrees, bases."""

from mpmath import mp

from eval.grading.answer import Answer, Based, Value
from eval.grading.conventions import Conventions
from eval.grading.evaluate import identical, symbols, value
from eval.grading.node import Node, number
from eval.grading.unit_names import DEGREE, PERCENT


def same_numeral(gold: Answer, answer: Answer, conventions: Conventions) -> bool:
    """Whether two numerals have the same digits and base; by convention the answer's base may be missing."""
    first, second = _based(gold), _based(answer)
    if first is None or second is None:
        return False
    bare = conventions.missing_base and not isinstance(answer, Based)
    return first == second or (bare and first.digits == second.digits)


def _based(answer: Answer) -> Based | None:
    """The numeral with its base, ten where none is written; None where it is no numeral."""
    if isinstance(answer, Value) and answer.decimals:
        return Based(answer.decimals.lstrip("0") or "0", "10")
    return answer if isinstance(answer, Based) else None


def same_value(gold: Value, answer: Value, conventions: Conventions) -> bool:
    """Whether two values with their units are the same quantity. Units are not converted."""
    if gold.unit == answer.unit:
        return _same_number(gold, answer, conventions)
    if gold.unit is not None and answer.unit is not None:
        return False
    unit = gold.unit or answer.unit
    bare = conventions.missing_percent if unit == PERCENT else conventions.missing_unit
    if bare and _same_number(gold, answer, conventions):
        return True
    scale = {PERCENT: _percent, DEGREE: lambda node: Node("degrees", (node,))}.get(str(unit))
    if scale is None:
        return False
    first, second = (scale(one.node) if one.unit else one.node for one in (gold, answer))
    return identical(first, second)


def _same_number(gold: Value, answer: Value, conventions: Conventions) -> bool:
    if _infinite(gold.node) or _infinite(answer.node):
        return _infinite(gold.node) == _infinite(answer.node)
    return (
        identical(gold.node, answer.node)
        or _rounded(gold, answer, conventions)
        or _rounded(answer, gold, conventions)
    )


def _rounded(decimal: Value, exact: Value, conventions: Conventions) -> bool:
    """Whether the decimal is the exact value rounded to as many digits as it shows."""
    digits = conventions.rounded_after
    if digits is None or not decimal.decimals or "." not in decimal.decimals or exact.decimals:
        return False
    places = len(decimal.decimals.partition(".")[2])
    shown = decimal.decimals.lstrip("+-").replace(".", "").lstrip("0")
    if len(shown) < digits or not shown.isdigit() or symbols(exact.node):
        return False
    off = abs(value(decimal.node, {}) - value(exact.node, {}))
    return bool(off <= mp.mpf("0.5000001") * mp.mpf(10) ** -places)


def _percent(node: Node) -> Node:
    return Node("divide", (node, Node("number", (number("100"),))))


def _infinite(node: Node) -> int:
    """1 for infinity, -1 for minus infinity, 0 for anything else."""
    if node.operation == "negate":
        return -_infinite(node.arguments[0])
    return int(node == Node("constant", (r"\infty",)))
