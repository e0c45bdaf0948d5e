"""Tokens to an answer: lists before relations, relations before brackets, brackets before values."""

from collections.abc import Callable
from fractions import Fraction

from eval.grading.answer import (
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
from eval.grading.expression import parse
from eval.grading.node import Node
from eval.grading.parts import closes, is_joint, is_tuple, name_of, nesting, split, trim
from eval.grading.signs import signed, together
from eval.grading.tokens import Token, UnreadableError
from eval.grading.units import split_unit

_SIGNS = ("=", r"\ne", "<", r"\le", ">", r"\ge", r"\approx", r"\in")
_MATRICES = frozenset(
    {"pmatrix", "bmatrix", "matrix", "Bmatrix", "smallmatrix", "array", "bmatrix*", "vmatrix"}
)
# What makes two statements of `x = 5 \text{ if } y = 3`, which is no chain that ends in 3.
_CONDITIONS = frozenset({"if", "when", "where", "for", "with", "at", "but", "given"})
_ELLIPSIS = (r"\ldots", "?")
_DEEPEST = 60


def read(tokens: list[Token]) -> Answer:
    """The answer that the tokens write; `Opaque` where it is no mathematics that is read here."""
    if nesting(tokens) > _DEEPEST:
        raise TooDeepError("nested too deeply")
    return read_tokens(tokens)


def read_tokens(tokens: list[Token]) -> Answer:
    """The answer that the tokens write."""
    tokens = trim(tokens)
    if not tokens:
        raise UnreadableError("empty")
    if any(token.value in _ELLIPSIS for token in tokens):
        return Opaque(tuple(tokens))
    for reader in _READERS:
        answer = reader(tokens)
        if answer is not None:
            return answer
    return Opaque(tuple(tokens))


# Readers, loosest binding first. Each returns None where its form is not there.


def _list(tokens: list[Token]) -> Answer | None:
    parts, joints = split(tokens, is_joint)
    if len(parts) < 2:
        return None
    groups, _ = split(tokens, lambda token: token.value == ";")
    if 1 < len(groups) < len(parts):  # `p=5, q=2; p=7, q=2` lists pairs
        return Sequence("", tuple(_tuple(read_tokens(group)) for group in groups if trim(group)), "")
    items = tuple(read_tokens(part) for part in parts if trim(part))
    if len(items) == 1:
        return items[0]
    words = {joint.value for joint in joints}
    return Sequence("", items, "", next((word for word in ("and", "or") if word in words), ","))


def _tuple(answer: Answer) -> Answer:
    """A list as a tuple; anything else as it is."""
    if isinstance(answer, Sequence) and not answer.opening:
        return Sequence("(", answer.items, ")")
    return answer


def _relation(tokens: list[Token]) -> Answer | None:
    parts, joints = split(tokens, lambda token: token.value in _SIGNS)
    signs = [token.value for token in joints]
    if not signs:
        return None
    if any(t.kind == "text" and t.value.lower() in _CONDITIONS for part in parts[1:-1] for t in part):
        return Opaque(tuple(tokens))
    names = [name_of(part) for part in parts]
    if r"\in" in signs:
        return read_tokens(parts[-1]) if signs == [r"\in"] and names[0] else Opaque(tuple(tokens))
    parts, signs, names = _without_approximation(parts, signs, names)
    if not signs:
        return read_tokens(parts[0])
    if set(signs) == {"="}:
        return _equation(parts, names)
    sides = tuple(read_tokens(part) if part else Words("") for part in parts)
    return Relation(sides, tuple(signs), tuple(names))


def _equation(parts: list[list[Token]], names: list[str | None]) -> Answer:
    first, last = names[0], names[-1]
    if first:
        left = _node(parts[0])
        return Named(first, read_tokens(parts[-1]), left)
    if last and len(parts) == 2 and parts[0]:
        return Named(last, read_tokens(parts[0]), _node(parts[1]))
    if not parts[0]:
        return read_tokens(parts[-1])
    return Relation((read_tokens(parts[0]), read_tokens(parts[-1])), ("=",), (first, last))


def _without_approximation(
    parts: list[list[Token]], signs: list[str], names: list[str | None]
) -> tuple[list[list[Token]], list[str], list[str | None]]:
    """Without what an approximation sign adds; `x \\approx 11` and `\\approx 11` keep the 11."""
    if r"\approx" not in signs:
        return parts, signs, names
    cut = signs.index(r"\approx")
    if cut == 0 and (not parts[0] or names[0]):
        return parts[1:2], [], names[1:2]
    if cut == 1 and signs[0] == "=" and not parts[1]:
        return parts[2:3], [], names[2:3]
    return parts[: cut + 1], signs[:cut], names[: cut + 1]


def _set_operation(tokens: list[Token]) -> Answer | None:
    operations = (r"\cup", r"\cap", r"\setminus")
    parts, joints = split(tokens, lambda token: token.value in operations)
    if not joints or not all(trim(part) for part in parts):
        return None
    answer = read_tokens(parts[0])
    for joint, part in zip(joints, parts[1:], strict=True):
        answer = SetOperation(joint.value, answer, read_tokens(part))
    return answer


def _plus_minus(tokens: list[Token]) -> Answer | None:
    if not signed(tokens):
        return None
    if tokens[0].value in ("(", r"\{") and closes(tokens) and not is_tuple(tokens):
        return None
    return Sequence("", tuple(map(read_tokens, together(tokens))), "", "or")


def _bracketed(tokens: list[Token]) -> Answer | None:
    opening, closing = tokens[0].value, tokens[-1].value
    if [token.value for token in tokens] == [r"\emptyset"]:
        return Sequence(r"\{", (), r"\}")
    if opening not in ("(", "[", r"\{") or closing not in (")", "]", r"\}") or not closes(tokens):
        return None
    inside = tokens[1:-1]
    parts, _ = split(inside, lambda token: token.value in (",", ";"))
    if len(parts) == 1 and opening in ("(", "["):
        return read_tokens(inside) if trim(inside) else None
    if len(parts) == 1 and not trim(inside):
        return Sequence(r"\{", (), r"\}")
    items = [read_tokens(part) for part in parts if trim(part)]
    if opening == r"\{":
        described, bars = split(inside, lambda token: token.value in ("|", ":"))
        if bars:  # \{x : x > 2\}
            return read_tokens(described[1]) if len(bars) == 1 and all(described) else None
        items = [
            one
            for item in items
            for one in (item.items if isinstance(item, Sequence) and not item.opening else (item,))
        ]
    return Sequence(opening, tuple(items), closing)


def _matrix(tokens: list[Token]) -> Answer | None:
    begin, end = tokens[0], tokens[-1]
    if begin.kind != "begin" or end.kind != "end" or begin.value not in _MATRICES:
        return None
    body = tokens[1:-1]
    if begin.value == "array" and body and body[0].value == "{":  # column specification
        body = body[next(i for i, token in enumerate(body) if token.value == "}") + 1 :]
    if any(token.kind == "begin" for token in body):
        return None
    rows = [row for row in split(body, lambda token: token.value == r"\\")[0] if row]
    entries = [split(row, lambda token: token.value == "&")[0] for row in rows]
    matrix = Matrix(tuple(tuple(read_tokens(entry) for entry in row) for row in entries))
    return _determinant(matrix) if begin.value == "vmatrix" else matrix


def _determinant(matrix: Matrix) -> Answer | None:
    """What a square matrix of at most four rows of values has between bars; None for others."""
    rows = [
        [entry.node for entry in row if isinstance(entry, Value) and not entry.unit] for row in matrix.rows
    ]
    square = all(
        len(row) == len(rows) == len(entries) for row, entries in zip(rows, matrix.rows, strict=True)
    )
    return Value(_expanded(rows)) if square and 0 < len(rows) <= 4 else None


def _expanded(rows: list[list[Node]]) -> Node:
    """The determinant by its first row."""
    node = Node("number", (Fraction(0),))
    for column, entry in enumerate(rows[0]):
        minor = [row[:column] + row[column + 1 :] for row in rows[1:]]
        term = Node("multiply", (entry, _expanded(minor))) if minor else entry
        node = Node("subtract" if column % 2 else "add", (node, term))
    return node


def _ratio(tokens: list[Token]) -> Answer | None:
    parts, joints = split(tokens, lambda token: token.value == ":")
    if not joints or not all(trim(part) for part in parts):
        return None
    return Sequence(":", tuple(read_tokens(part) for part in parts), ":")


def _words(tokens: list[Token]) -> Answer | None:
    kinds = {token.kind for token in tokens}
    if "text" not in kinds or not kinds <= {"text", "word", "letter", "symbol"}:
        return None
    if any(t.kind == "symbol" and t.value not in ("-", "'", ".", ",") for t in tokens):
        return None
    if len(tokens) == 1 and len(tokens[0].value) == 1:
        return None  # \text{e} is the letter
    if not any(t.kind == "text" and len(t.value) > 1 for t in tokens):
        return None
    return Words(" ".join(token.value for token in tokens))


def _based(tokens: list[Token]) -> Answer | None:
    if len(tokens) < 3 or tokens[1].value != "_" or tokens[0].kind not in ("number", "word", "letter"):
        return None
    base = [token for token in tokens[2:] if token.value not in "{}"]
    digits = tokens[0].value
    numeral = tokens[0].kind == "number" and digits.isdigit()
    if len(base) == 1 and base[0].value.isdigit() and numeral:
        return Based(digits.lstrip("0") or "0", base[0].value)
    return None


def _value(tokens: list[Token]) -> Answer | None:
    quantity, unit = split_unit(tokens)
    node = _node(quantity)
    if node is None:
        return None
    numeral = [token.kind for token in quantity if token.value not in ("+", "-")] == ["number"]
    return Value(node, unit, "".join(token.value for token in quantity) if numeral else None)


# Parts.


def _node(tokens: list[Token]) -> Node | None:
    try:
        return parse(tokens)
    except (UnreadableError, RecursionError):
        return None


_READERS: tuple[Callable[[list[Token]], Answer | None], ...] = (
    _list,
    _relation,
    _set_operation,
    _plus_minus,
    _bracketed,
    _matrix,
    _ratio,
    _words,
    _based,
    _value,
)
