"""Whether an answer equals a gold: the rules, each with its reason. Pure; may take seconds on hostile text.

Run it in a worker (`eval.grading.grader`): `decide` bounds depth, sizes and exponents, and what still takes
too long is killed there.
"""

from typing import NamedTuple

from eval.grading.answer import (
    FLIPPED,
    Answer,
    Based,
    Matrix,
    Named,
    Opaque,
    Relation,
    Sequence,
    SetOperation,
    TooDeepError,
    Value,
    Words,
)
from eval.grading.conventions import Conventions
from eval.grading.equations import concluded, difference, item_names, relation_names
from eval.grading.evaluate import identical, proportional, rational
from eval.grading.functions import TooLargeError, UndefinedError
from eval.grading.grade import Decision
from eval.grading.node import Node
from eval.grading.reading import read
from eval.grading.realset import real_set, same_set
from eval.grading.signs import apart, signed
from eval.grading.tokens import Token, UnreadableError, tokenize, written
from eval.grading.values import same_numeral, same_value
from eval.grading.words import as_number, plain, same_words


class Outcome(NamedTuple):
    """A decision and the rule behind it; `unread`: another reader should try."""

    decision: Decision
    reason: str
    unread: bool = False


def decide(gold: str, answer: str, conventions: Conventions) -> Outcome:
    """Whether the answer equals the gold, both as text without a box around them."""
    try:
        first, second = tokenize(gold), tokenize(answer)
        if written(first) == written(second) and first:
            return Outcome("correct", "written the same")
        if not second:
            return Outcome("wrong", "empty answer")
        if not conventions.approximation_sign and any(t.value == r"\approx" for t in (*first, *second)):
            return Outcome("wrong", "an approximation sign")
        if same_words(first, second, conventions):
            return Outcome("correct", "the same words")
        equal, reason = _read_and_compare((first, second), (gold, answer), conventions)
    except (UnreadableError, RecursionError) as error:
        return Outcome("wrong", f"not read: {error}", unread=True)
    except (TooLargeError, TooDeepError) as error:
        return Outcome("ungraded", str(error))
    except (UndefinedError, ZeroDivisionError, ValueError, TypeError, OverflowError) as error:
        return Outcome("wrong", f"no value to compare: {error}", unread=True)
    return Outcome("correct" if equal else "wrong", reason)


def _read_and_compare(
    tokens: tuple[list[Token], list[Token]], texts: tuple[str, str], conventions: Conventions
) -> tuple[bool, str]:
    first, second = map(read, tokens)
    if conventions.missing_left_side:
        second = concluded(first, second, tokens[1])
    compare = _Comparison(conventions)
    equal = compare.same(first, second)
    if not equal and isinstance(first, Sequence) != isinstance(second, Sequence):
        again = [read(tokenize(text, thousands=False)) for text in texts]
        if all(isinstance(one, Sequence) for one in again):  # `100,200,300` is a list where the gold is one
            equal = compare.same(*again)
    if not equal and any(map(signed, tokens)):
        equal = compare.same(*(read(apart(one)) for one in tokens))
    return equal, compare.reason


class _Comparison:
    """Compares answers; `reason` tells which kinds the last values compared were of."""

    def __init__(self, conventions: Conventions) -> None:
        self.conventions = conventions
        self.reason = ""

    def same(self, gold: Answer, answer: Answer) -> bool:
        """Whether they mean the same. Raises `UnreadableError` where one is opaque."""
        self.reason = f"{_kind(gold)} against {_kind(answer)}"
        if isinstance(gold, Opaque) or isinstance(answer, Opaque):
            return self.opaque(gold, answer)
        if isinstance(gold, Named) or isinstance(answer, Named):
            return self.named(gold, answer)
        if self.conventions.number_words:
            gold, answer = as_number(gold), as_number(answer)
        if isinstance(gold, Relation | SetOperation) or isinstance(answer, Relation | SetOperation):
            return self.relations(gold, answer)
        if isinstance(gold, Words) or isinstance(answer, Words):
            return self.words(gold, answer)
        if isinstance(gold, Matrix) or isinstance(answer, Matrix):
            return self.matrices(gold, answer)
        if isinstance(gold, Sequence) or isinstance(answer, Sequence):
            return self.sequences(gold, answer)
        if isinstance(gold, Based) or isinstance(answer, Based):
            return same_numeral(gold, answer, self.conventions)
        assert isinstance(gold, Value)
        assert isinstance(answer, Value)
        return same_value(gold, answer, self.conventions)

    def opaque(self, gold: Answer, answer: Answer) -> bool:
        texts = [written(list(one.tokens)) if isinstance(one, Opaque) else None for one in (gold, answer)]
        if None not in texts and texts[0] == texts[1]:
            return True
        raise UnreadableError("an expression that this grader does not read")

    # Names and relations.

    def named(self, gold: Answer, answer: Answer) -> bool:
        if isinstance(gold, Named) and isinstance(answer, Named):
            if gold.name == answer.name:
                return self.same(gold.value, answer.value)
            return self.equations(gold, answer)
        named, other = (gold, answer) if isinstance(gold, Named) else (answer, gold)
        assert isinstance(named, Named)
        if isinstance(other, Relation):
            return self.equations(gold, answer)
        if not self.conventions.missing_left_side:
            return False
        return self.same(named.value, other) if named is gold else self.same(other, named.value)

    def equations(self, gold: Answer, answer: Answer) -> bool:
        """Two-sided relations: the differences of the sides are proportional."""
        first, second = difference(gold), difference(answer)
        if first is None or second is None:
            return False
        (sign, left), (other_sign, right) = first, second
        if left.operation == "opaque" or right.operation == "opaque":
            raise UnreadableError("an equation that this grader does not read")
        factor = proportional(left, right)
        if factor is None:
            return False
        return sign == (other_sign if factor > 0 else FLIPPED[other_sign])

    def relations(self, gold: Answer, answer: Answer) -> bool:
        names = [relation_names(one) for one in (gold, answer)]
        first, second = real_set(gold), real_set(answer)
        if first is not None and second is not None:
            return not (names[0] and names[1] and names[0] != names[1]) and same_set(first, second)
        if isinstance(gold, Relation) and isinstance(answer, Relation):
            if len(gold.sides) == 2 == len(answer.sides):
                return self.equations(gold, answer)
            return self.chains(gold, answer)
        if isinstance(gold, SetOperation) and isinstance(answer, SetOperation):
            if gold.operation != answer.operation:
                return False
            straight = self.same(gold.left, answer.left) and self.same(gold.right, answer.right)
            crossed = gold.operation != r"\setminus"
            return straight or (
                crossed and self.same(gold.left, answer.right) and self.same(gold.right, answer.left)
            )
        if isinstance(gold, Sequence) and isinstance(answer, Sequence):
            return self.sequences(gold, answer)
        return False

    def chains(self, gold: Relation, answer: Relation) -> bool:
        if len(gold.sides) != len(answer.sides):
            return False
        reverse = tuple(FLIPPED[sign] for sign in reversed(answer.signs))
        straight = gold.signs == answer.signs and self.all_same(gold.sides, answer.sides)
        return straight or (gold.signs == reverse and self.all_same(gold.sides, answer.sides[::-1]))

    # Words.

    def words(self, gold: Answer, answer: Answer) -> bool:
        first, second = real_set(gold), real_set(answer)
        if first is not None and second is not None:
            return same_set(first, second)
        if isinstance(gold, Words) and isinstance(answer, Words):
            return plain(gold.text, self.conventions) == plain(answer.text, self.conventions)
        return False

    # Collections.

    def all_same(self, gold: tuple[Answer, ...], answer: tuple[Answer, ...]) -> bool:
        return len(gold) == len(answer) and all(self.same(a, b) for a, b in zip(gold, answer, strict=True))

    def sequences(self, gold: Answer, answer: Answer) -> bool:
        opened = _opened(gold, answer), _opened(answer, gold)
        if opened[0] is not gold or opened[1] is not answer:
            return self.same(*opened)
        if not isinstance(gold, Sequence) or not isinstance(answer, Sequence):
            return self.single(gold, answer)
        first, second = _flat(gold), _flat(answer)
        kinds = {gold.opening, answer.opening}
        sets = real_set(gold), real_set(answer)
        if {gold.joint, answer.joint} == {"and", "or"} and None not in sets:
            return same_set(*sets)  # type: ignore[arg-type]
        if kinds <= {"", r"\{"}:
            return self.lists(first, second, sets=r"\{" in kinds)
        if "" in kinds and len(kinds) == 2 and None not in sets:  # [2,5) is 2 <= x, x < 5
            return same_set(*sets)  # type: ignore[arg-type]
        if "" in kinds and ":" not in kinds:
            return self.conventions.missing_brackets and self.all_same(first, second)
        brackets = (gold.opening, gold.closing) == (answer.opening, answer.closing)
        if not brackets and (len(first) == 2 or not kinds <= {"(", "["}):
            return r"\{" in kinds and None not in sets and same_set(*sets)  # type: ignore[arg-type]
        return self.all_same(first, second)

    def single(self, gold: Answer, answer: Answer) -> bool:
        """A collection against something else: a ratio as its quotient, the real line."""
        collection, other = (gold, answer) if isinstance(gold, Sequence) else (answer, gold)
        assert isinstance(collection, Sequence)
        if collection.opening == ":" and len(collection.items) == 2 and isinstance(other, Value):
            top, bottom = collection.items
            if isinstance(top, Value) and isinstance(bottom, Value) and rational(bottom.node) != 0:
                return identical(Node("divide", (top.node, bottom.node)), other.node)
        first, second = real_set(collection), real_set(other)
        return first is not None and second is not None and same_set(first, second)

    def lists(self, gold: tuple[Answer, ...], answer: tuple[Answer, ...], sets: bool) -> bool:
        if len(gold) != len(answer):
            return False
        named = [item_names(gold), item_names(answer)]
        ordered = not self.conventions.any_list_order and not sets
        if ordered or any(len(one) > 1 and not other for one, other in (named, reversed(named))):
            return self.all_same(gold, answer)  # the names told the order
        remaining = list(answer)
        for item in gold:
            match = next((i for i, other in enumerate(remaining) if self.same(item, other)), None)
            if match is None:
                return False
            remaining.pop(match)
        return True

    def matrices(self, gold: Answer, answer: Answer) -> bool:
        if isinstance(gold, Matrix) and isinstance(answer, Matrix):
            return len(gold.rows) == len(answer.rows) and all(map(self.all_same, gold.rows, answer.rows))
        matrix, other = (gold, answer) if isinstance(gold, Matrix) else (answer, gold)
        assert isinstance(matrix, Matrix)
        rows = matrix.rows
        entries = rows[0] if len(rows) == 1 else tuple(row[0] for row in rows if len(row) == 1)
        vector = len(entries) == max(len(rows), len(rows[0]) if rows else 0)
        if not (
            self.conventions.vector_as_tuple
            and vector
            and isinstance(other, Sequence)
            and other.opening in ("(", "[")
        ):
            return False
        return self.all_same(entries, other.items) if matrix is gold else self.all_same(other.items, entries)


def _kind(answer: Answer) -> str:
    if isinstance(answer, Sequence):
        return {"": "list", r"\{": "set", ":": "ratio"}.get(answer.opening, "sequence")
    if isinstance(answer, Value) and answer.node.operation == "number":
        return "numeral"
    names = {Value: "expression", Based: "numeral with base", Named: "assignment", SetOperation: "set"}
    return names.get(type(answer), type(answer).__name__.lower())


def _opened(one: Answer, other: Answer) -> Answer:
    """What a set of one holds, where the other is no set or list; anything else as it is."""
    if isinstance(other, Sequence) and other.opening in ("", r"\{"):
        return one
    if isinstance(one, Sequence) and one.opening == r"\{" and len(one.items) == 1:
        return one.items[0]
    return one


def _flat(sequence: Sequence) -> tuple[Answer, ...]:
    """The items, those of a list within a list (`1 \\pm 2, 5`) among them."""
    return tuple(
        inner
        for item in sequence.items
        for inner in (_flat(item) if isinstance(item, Sequence) and not item.opening else (item,))
    )
