"""Equations and relations: what a chain concludes, the names in it, the difference of its sides."""

from fractions import Fraction

from eval.grading.answer import Answer, Named, Opaque, Relation, Sequence, Value
from eval.grading.evaluate import rational, symbols
from eval.grading.node import Node
from eval.grading.parts import split, trim
from eval.grading.tokens import Token

_ZERO = Node("number", (Fraction(0),))


def concluded(gold: Answer, answer: Answer, tokens: list[Token]) -> Answer:
    """The last side of an answer that is a chain of `=`, where the gold is a value; else the answer.

    `m+n = 13` is how 13 is computed. The answer stays an equation if the gold is one, if it stands in
    brackets (`\\{x : x^2 = 4\\}`), or if it is still to be solved (`x^2-x = 0`, `7 = 11a+c`).
    """
    if not isinstance(answer, Relation) or answer.signs != ("=",) or isinstance(gold, Named | Relation):
        return answer
    _, joints = split(trim(tokens), lambda token: token.value == "=")
    left, right = answer.sides
    return right if joints and not _to_be_solved(left, right) else answer


def _to_be_solved(left: Answer, right: Answer) -> bool:
    """Whether letters are set to 0, or a numeral is set to letters."""
    if not (isinstance(left, Value) and isinstance(right, Value)):
        return False
    if symbols(right.node):
        return rational(left.node) is not None
    return right.node == _ZERO and bool(symbols(left.node))


def item_names(items: tuple[Answer, ...]) -> set[str]:
    """Distinct names of the named items; x_1 and x_2 are both x, the order of roots is free."""
    return {item.name.partition(" _")[0] for item in items if isinstance(item, Named)}


def relation_names(answer: Answer) -> set[str]:
    """Names of the sides of a relation, an equation or a list of them."""
    if isinstance(answer, Named):
        return {answer.name}
    if isinstance(answer, Relation):
        return {name for name in answer.names if name}
    if isinstance(answer, Sequence) and not answer.opening:
        return {name for item in answer.items for name in relation_names(item)}
    return set()


def difference(answer: Answer) -> tuple[str, Node] | None:
    """(sign, left - right) of a two-sided relation of expressions; None for anything else."""
    if isinstance(answer, Named):
        left, right, sign = answer.left, answer.value, "="
    elif isinstance(answer, Relation) and len(answer.sides) == 2:
        one, right, sign = answer.sides[0], answer.sides[1], answer.signs[0]
        left = one.node if isinstance(one, Value) else None
        if isinstance(one, Opaque):
            return sign, Node("opaque", ())
    else:
        return None
    if isinstance(right, Opaque):
        return sign, Node("opaque", ())
    if left is None or not isinstance(right, Value):
        return None
    return sign, Node("subtract", (left, right.node))
