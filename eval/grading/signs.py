"""Signs that stand for two, `\\pm` and `\\mp`: which tokens they stand for.

Signs of one expression belong together, those of a tuple's coordinates may or may not: `(\\pm 1, \\pm 2)` is
(1, 2) and (-1, -2) to one writer, four points to another.
"""

from itertools import product

from eval.grading.parts import closes, is_joint, is_tuple, split, trim
from eval.grading.tokens import Token

_UPPER, _LOWER = {r"\pm": "+", r"\mp": "-"}, {r"\pm": "-", r"\mp": "+"}
_MOST_SIGNED = 4
_COMMA = Token("symbol", ",")


def signed(tokens: list[Token]) -> bool:
    """Whether a sign that stands for two is among the tokens."""
    return any(token.value in _UPPER for token in tokens)


def together(tokens: list[Token]) -> list[list[Token]]:
    """The tokens with all upper signs, and with all lower ones."""
    return [
        [Token("symbol", sign[t.value], t.spaced) if t.value in sign else t for t in tokens]
        for sign in (_UPPER, _LOWER)
    ]


def apart(tokens: list[Token]) -> list[Token]:
    """The tokens with each tuple as a list of those that its coordinates' signs make, each by itself."""
    tokens = trim(tokens)
    if tokens and tokens[0].value == r"\{" and closes(tokens):
        return [tokens[0], *apart(tokens[1:-1]), tokens[-1]]
    parts, joints = split(tokens, lambda token: is_joint(token) or token.value == "=")
    if joints:
        others = zip(joints, parts[1:], strict=True)
        return apart(parts[0]) + [token for joint, part in others for token in (joint, *apart(part))]
    return _tuples(tokens) if is_tuple(tokens) else tokens


def _tuples(tokens: list[Token]) -> list[Token]:
    coordinates, _ = split(tokens[1:-1], lambda token: token.value == ",")
    bound = any(token.value == r"\mp" for token in tokens)  # it means the lower sign of another one
    if bound or sum(map(signed, coordinates)) > _MOST_SIGNED:
        return tokens
    choices = product(*(together(one) if signed(one) else [one] for one in coordinates))
    return _listed([[tokens[0], *_listed(list(choice)), tokens[-1]] for choice in choices])


def _listed(parts: list[list[Token]]) -> list[Token]:
    """The parts in one list, with commas between them."""
    return [token for part in parts for token in (_COMMA, *part)][1:]
