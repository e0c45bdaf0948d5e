"""LaTeX, Unicode and plain text to tokens: what is written, without how it is set.

Spacing, sizes, colours, math mode, fonts and markdown are dropped; `\\dfrac` is `\\frac`, `≤` is `\\le`,
`**` is `^`, words in `\\text{}` and its kin become one token each. Scanning takes linear time.
"""

import re
import unicodedata
from typing import NamedTuple

from eval.grading.vocabulary import (
    CONNECTIVES,
    DROPPED,
    LETTERS,
    NUMBER_WORDS,
    PLAIN,
    SAME,
    SPACES,
    SUPERSCRIPTS,
    TEXT,
    UNICODE,
    UNPRINTED,
)


class Token(NamedTuple):
    """One token.

    `kind` is `number`, `letter` (one letter or a Greek command), `word` (two or more raw letters),
    `text` (content of `\\text{}`), `command`, `begin`, `end` or `symbol`. `spaced`: a space came before.
    """

    kind: str
    value: str
    spaced: bool = False


class UnreadableError(ValueError):
    """The text is not mathematics that this grader reads."""


_TOKEN = re.compile(
    r"""(?P<space>\s+|\\[,;:\ ]|~|\\\(|\\\)|\\\[|\\\]|\$|\\!)
      | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<command>\\[a-zA-Z]+)
      | (?P<escaped>\\[{}%$\#&_|])
      | (?P<row>\\\\)
      | (?P<word>[^\W\d_]+)
      | (?P<symbol>.)""",
    re.VERBOSE | re.DOTALL,
)

_RUN = re.compile(
    r"(?<![\d.,])\d+(?:,\d+)+(?:\.\d+)?|(?<![\d.,])\d+(?:(?:[ ~]|\\[, ])\d{3})+(?!\d)(?:\.\d+)?"
)
_RAISED = re.compile(f"[{''.join(SUPERSCRIPTS)}]+")
_ROW_SPACE = re.compile(r"\\\\\s*\[\s*-?[\d.]+\s*(?:pt|ex|em|mm|cm|in)\s*\]")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:(?:,\d{3})+|(?:(?:[ ~]|\\[, ])\d{3})+)(?:\.\d+)?")


def tokenize(text: str, thousands: bool = True) -> list[Token]:
    """The tokens of an answer. Raises `UnreadableError` on an unclosed `\\text{`.

    `thousands`: whether `1,234` outside brackets is one number.
    """
    source, tokens, place, spaced = _join_thousands(_plain(text), thousands), [], 0, False
    while place < len(source):
        match = _TOKEN.match(source, place)
        assert match is not None
        kind, value, place = str(match.lastgroup), match.group(), match.end()
        if kind == "command" and value in TEXT:
            value, place = _group(source, place)
            kind = "text"
        elif kind == "command" and value in UNPRINTED:
            kind, (_, place) = "space", _group(source, place + source.startswith("*", place))
        elif kind == "command" and value in (r"\begin", r"\end"):
            kind, (value, place) = value[1:], _group(source, place)
        if kind == "space" or value in SPACES:
            spaced = spaced or value != r"\!"
            continue
        tokens += [Token(k, v, spaced) for k, v in _meaning(kind, value)]
        spaced = False
    return tokens


def spelled(tokens: list[Token]) -> list[Token]:
    """The tokens with each raw word as its letters: `dt` is `d t`."""
    return [letter for token in tokens for letter in _letters(token)]


def written(tokens: list[Token]) -> str:
    """The tokens as one line of text, the same for all ways of setting them."""
    return " ".join(token.value for token in spelled(tokens))


def _letters(token: Token) -> list[Token]:
    if token.kind != "word":
        return [token]
    return [Token("letter", letter, token.spaced and i == 0) for i, letter in enumerate(token.value)]


def _plain(text: str) -> str:
    """Unicode spelled as LaTeX, comparison operators and powers of plain text as commands."""
    text = _RAISED.sub(lambda run: "^{" + "".join(SUPERSCRIPTS[one] for one in run.group()) + "}", text)
    for character, command in UNICODE.items():
        if character in text:
            text = text.replace(character, command)
    text = unicodedata.normalize("NFKC", text).replace("{,}", ",")
    text = re.sub(r"\.{3,}", r"\\ldots ", text)
    text = re.sub(r",\\!\s*", ",", text)  # the space that belongs to a thousands separator
    text = text.strip().removeprefix("**").removesuffix("**").strip()
    for plain, command in (("<=", r"\le "), (">=", r"\ge "), ("!=", r"\ne "), ("==", "="), ("**", "^")):
        text = text.replace(plain, command)
    text = re.sub(r"\\not\s*=", r"\\ne ", text)
    text = re.sub(r"\b(?:np|math|sp|sympy)\.(?=[a-z])", "", text)
    text = re.sub(r"\\(q?quad)(?=[a-zA-Z])", r"\\\1 ", text)
    text = _ROW_SPACE.sub(r"\\\\", text)
    if r"\begin" not in text:  # doubly escaped commands; between matrix rows `\\` means something else
        text = re.sub(r"\\\\(?=[a-zA-Z])", r"\\", text)
    return re.sub(r"\\(left|right)\s*\.", " ", text).rstrip(" .")


def _join_thousands(text: str, outside: bool) -> str:
    """`1 234 567` and, `outside` brackets, `1,234,567` as one number.

    Of numerals with commas and no spaces between them, all behind the first must be groups of three digits:
    `27,54,108` is a list. In brackets a comma separates, unless the group is written `000`.
    """

    def joined(match: re.Match) -> str:
        run = match.group()
        before = text[: match.start()]
        depth = sum(before.count(opening) for opening in "([") - sum(
            before.count(closing) for closing in ")]"
        )
        inside = depth > 0 or before.count(r"\{") > before.count(r"\}")
        commas = "," in run.replace(r"\,", "")
        grouped = _THOUSANDS.fullmatch(run) and (not commas or ",00" in run or (outside and not inside))
        return re.sub(r"[^\d.]", "", run) if grouped else run

    return _RUN.sub(joined, text)


def _group(source: str, place: int) -> tuple[str, int]:
    """(content, end) of the balanced `{}` at `place`; of one character if there is none."""
    while place < len(source) and source[place] == " ":
        place += 1
    if place >= len(source) or source[place] != "{":
        return source[place : place + 1], place + 1
    depth = 0
    for end in range(place, len(source)):
        depth += {"{": 1, "}": -1}.get(source[end], 0)
        if depth == 0:
            return source[place + 1 : end], end + 1
    raise UnreadableError("a brace is not closed")


def _meaning(kind: str, value: str) -> list[tuple[str, str]]:
    """(kind, value) of what a raw token means; nothing where it is only typesetting."""
    if kind == "command":
        value = SAME.get(value, value)
        if value in DROPPED or not value:
            return []
        if value in CONNECTIVES:
            return [("text", CONNECTIVES[value])]
        if not value.startswith("\\") or value in (r"\{", r"\}", r"\%"):
            return [("symbol", value)]
        return [("letter" if value in LETTERS else "command", value)]
    if kind == "word":
        return _word(value)
    if kind == "text":
        return _words(value)
    if kind == "escaped":
        return [("symbol", {r"\_": "_", r"\&": "&", r"\|": "|"}.get(value, value))]
    if kind == "row":
        return [("symbol", r"\\")]
    return [("symbol" if kind == "symbol" else kind, {"%": r"\%"}.get(value, value))]


def _word(value: str) -> list[tuple[str, str]]:
    if value in PLAIN:
        return _meaning("command", PLAIN[value])
    if value.lower() in ("and", "or", *NUMBER_WORDS):
        return [("text", value.lower())]
    return [("letter" if len(value) == 1 else "word", value)]


def _words(content: str) -> list[tuple[str, str]]:
    """A `\\text{}`: one token, or what it says where it holds no words."""
    content = re.sub(r"\\[,;: ]|~|(?<!\\)\$", " ", content).strip()
    command = content if content.startswith("\\") else f"\\{content}"
    if command in PLAIN.values() or content in LETTERS:
        return _meaning("command", command)
    if re.search(r"[^\W\d_]", re.sub(r"\\(?:euro|pounds)\b", "", content)):
        return [("text", content)]
    return [(token.kind, token.value) for token in tokenize(content)] if content else []
