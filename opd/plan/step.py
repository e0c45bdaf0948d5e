"""The sizes of a step, which decide what it holds and computes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """`rows` responses of at most `cap` tokens to prompts of `prompt` tokens.

    `together` of them are decoded at a time; a forward pass has at most `tokens` padded tokens, or one row.
    """

    rows: int
    together: int
    prompt: int
    cap: int
    tokens: int = 0

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return self.prompt + self.cap

    @property
    def positions(self) -> int:
        """Most generated positions in a forward pass."""
        return self.padded * self.cap // self.longest

    @property
    def padded(self) -> int:
        """Most padded tokens in a forward pass."""
        return max(self.longest, self.tokens)
