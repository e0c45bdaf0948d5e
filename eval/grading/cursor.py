"""A place in a list of tokens."""

from eval.grading.tokens import Token, UnreadableError, spelled

CLOSING = {
    "(": ")",
    "[": "]",
    "{": "}",
    "|": "|",
    r"\lfloor": r"\rfloor",
    r"\lceil": r"\rceil",
    r"\{": r"\}",
}


class Cursor:
    """Reads tokens from left to right; raw words are read letter by letter."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = spelled(tokens)
        self.place = 0

    def peek(self, ahead: int = 0) -> Token:
        """The token that many places ahead; one of kind `end` behind the last."""
        index = self.place + ahead
        return self.tokens[index] if index < len(self.tokens) else Token("end", "")

    def take(self, value: str | None = None) -> Token:
        """The next token, passed over; `UnreadableError` if there is none or it is not `value`."""
        token = self.peek()
        if token.kind == "end" or (value is not None and token.value != value):
            raise UnreadableError(f"expected {value or 'more'}, found {token.value!r}")
        self.place += 1
        return token

    def at(self, *values: str) -> bool:
        """Whether the next token is one of these symbols or commands."""
        return self.peek().value in values and self.peek().kind in ("symbol", "command")

    def matching(self) -> int:
        """Index of the bracket that closes the one that comes next."""
        depth, opening = 0, self.peek().value
        for index in range(self.place, len(self.tokens)):
            depth += {opening: 1, CLOSING[opening]: -1}.get(self.tokens[index].value, 0)
            if depth == 0:
                return index
        raise UnreadableError(f"{opening} is not closed")

    def raw_group(self) -> list[Token]:
        """The tokens in the brackets that come next, passed over."""
        end = self.matching()
        inside = self.tokens[self.place + 1 : end]
        self.place = end + 1
        return inside
