"""Parts of an answer's tokens: split at joints, brackets counted, names recognised."""

from collections.abc import Callable
from itertools import pairwise

from eval.grading.tokens import Token, written

_OPEN = {"(": ")", "[": "]", "{": "}", r"\{": r"\}", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
_CLOSE = frozenset(_OPEN.values())


def name_of(tokens: list[Token]) -> str | None:
    """The name that the tokens are: letters with subscripts and arguments, no arithmetic; None if not.

    A name says what is asked for: `x`, `f(x)`, `X_{d}`, `|AB|`, `(p, q)`, `\\angle ABC`.
    """
    tokens = trim(tokens)
    letters = False
    for before, token in pairwise([Token("start", ""), *tokens]):
        if token.kind == "number" and before.value not in ("_", "{", "("):
            return None
        if token.value in ("+", "-", "*", "/", "^", "!", r"\sqrt", r"\pi", r"\infty", r"\%"):
            return None
        letters = letters or token.kind in ("letter", "word", "text")
    return written([token for token in tokens if token.value not in "{}"]) if letters else None


def split(tokens: list[Token], joint: Callable[[Token], bool]) -> tuple[list[list[Token]], list[Token]]:
    """Parts between the joints outside all brackets, and the joints; equal neighbours of joints merge."""
    parts: list[list[Token]] = [[]]
    joints = []
    depth = 0
    for token in tokens:
        depth += (token.value in _OPEN and token.kind != "text") or token.kind == "begin"
        depth -= (token.value in _CLOSE and token.kind != "text") or token.kind == "end"
        if depth <= 0 and joint(token):
            joints.append(token)
            parts.append([])
        else:
            parts[-1].append(token)
    return parts, joints


def is_joint(token: Token) -> bool:
    """Whether the token separates the items of a list."""
    return (token.kind == "symbol" and token.value in (",", ";")) or (
        token.kind == "text" and token.value.lower() in ("and", "or", ", and", ", or", "and,", "or,")
    )


def closes(tokens: list[Token]) -> bool:
    """Whether the first bracket closes at the last token; brackets of intervals may differ in kind."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += token.value in _OPEN
        depth -= token.value in _CLOSE
        if depth == 0:
            return index == len(tokens) - 1
    return False


def is_tuple(tokens: list[Token]) -> bool:
    """Whether the tokens are parentheses around several items."""
    several = len(split(tokens[1:-1], lambda token: token.value == ",")[0]) > 1
    return several and tokens[0].value == "(" and closes(tokens)


def nesting(tokens: list[Token]) -> int:
    """How many brackets are open at the deepest place."""
    depth = deepest = 0
    for token in tokens:
        depth += (token.value in _OPEN) - (token.value in _CLOSE)
        deepest = max(deepest, depth)
    return deepest


def trim(tokens: list[Token]) -> list[Token]:
    """Without enclosing braces and punctuation at the ends."""
    while tokens and tokens[-1].kind == "symbol" and tokens[-1].value in (".", ",", ";", ":", r"\\"):
        tokens = tokens[:-1]
    while tokens and tokens[0].kind == "symbol" and tokens[0].value in (",", ";", ":"):
        tokens = tokens[1:]
    while len(tokens) > 1 and tokens[0].value == "{" and tokens[-1].value == "}" and closes(tokens):
        tokens = tokens[1:-1]
    return tokens
