"""Units behind (or, for currencies, before) a value."""

import re

from eval.grading.tokens import Token
from eval.grading.vocabulary import CURRENCIES, FUNCTIONS, NO_UNIT, PLAIN_UNITS, SAME_UNIT

PERCENT = r"\%"
DEGREE = "degree"
_SIGNS = frozenset({PERCENT, *CURRENCIES})
_UNIT_SYMBOLS = _SIGNS | {r"\circ", r"\prime", "'", "/", "^", "{", "}", "*", "(", ")", "-"}


def split_unit(tokens: list[Token]) -> tuple[list[Token], str | None]:
    """(value, unit) of `15 \\text{ cm}^2`, `45^\\circ`, `20\\%`, `\\$5`, `5 cm`; the unit in normal form."""
    sign = len(tokens) > 1 and tokens[0].value == "-"
    if len(tokens) > sign and (currency := CURRENCIES.get(tokens[sign].value)):
        return tokens[:sign] + tokens[sign + 1 :], currency
    if any(token.value in FUNCTIONS for token in tokens):
        return tokens, None  # the degrees of \cot 45^\circ belong to its argument
    depth = 0
    for index in range(1, len(tokens)):
        depth += (tokens[index - 1].value in ("{", "(", "[")) - (tokens[index - 1].value in ("}", ")", "]"))
        if (
            depth == 0
            and _begins_unit(tokens, index)
            and all(_in_unit(tokens, i, index) for i in range(index, len(tokens)))
        ):
            return tokens[:index], normal_unit(tokens[index:])
    return tokens, None


def normal_unit(tokens: list[Token]) -> str:
    """Units written differently in one form: singular, lower-case full names, no spaces or braces."""
    parts = []
    for token in tokens:
        if token.value in ("{", "}", "^", "(", ")"):
            continue
        for word in re.findall(r"[^\W\d_]+|\d+|[^\w\s{}^]+\w*", token.value) or [token.value]:
            parts.append(_normal_word(word))
    return " ".join(parts)


def _normal_word(word: str) -> str:
    known = SAME_UNIT.get(word, SAME_UNIT.get(word.lower()))
    if known:
        return known
    singular = word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
    return SAME_UNIT.get(singular.lower(), singular if len(word) <= 3 else singular.lower())


def _begins_unit(tokens: list[Token], index: int) -> bool:
    token, before = tokens[index], tokens[index - 1]
    if before.value in ("+", "-", "*", "/", "^", "_", "(", "=", ",", r"\frac", r"\sqrt"):
        return False
    if token.value in _SIGNS:
        return True
    if token.value in ("'", r"\prime"):
        return before.kind == "number"
    if token.value == "^" and index + 1 < len(tokens):
        ahead = (
            tokens[index + 2]
            if tokens[index + 1].value == "{" and index + 2 < len(tokens)
            else tokens[index + 1]
        )
        return ahead.value in (r"\circ", r"\prime", "'")
    if token.kind == "word":
        return token.value in PLAIN_UNITS and before.kind == "number"
    return token.kind == "text" and _names_unit(token.value)


def _names_unit(text: str) -> bool:
    """Whether the words can be a unit: a few, without any that change what is said of the value."""
    words = re.findall(r"[^\W\d_]+", text)
    said = {word if word == "K" else word.lower() for word in words}
    return len(words) <= 4 and not re.search(r"\d", text) and not NO_UNIT & said


def _in_unit(tokens: list[Token], place: int, start: int) -> bool:
    """Whether the token can belong to a unit that starts at `start`: words, their powers, slashes."""
    token, before = tokens[place], tokens[place - 1]
    if token.kind == "text" or token.value in _UNIT_SYMBOLS:
        return True
    if token.kind == "number":
        return before.value in ("^", "{", "-") and place > start
    return token.kind in ("word", "letter") and (place == start or tokens[start].kind in ("text", "word"))
