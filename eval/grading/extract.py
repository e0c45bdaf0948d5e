"""The final answer of a response: what its last box holds, after the thinking ended."""

import re
from typing import NamedTuple

_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
# What may stand between two boxes that are one list: punctuation, "and", "or", the name of the next value.
_CONNECTIVES = re.compile(
    r"(?:[\s$,;.:&~]|\\[,;:!() \[\]]|\\q?quad|\\(?:text|mathrm|mbox)\{\s*(?:and|or|,)\s*\}|\b(?:and|or)\b|"
    r"\b[a-zA-Z](?:_\{?\w\}?)?\s*=)*"
)
_STATED = re.compile(r"answer\s*(?:is|:)?\s*:?\s*(.+)", re.IGNORECASE)
_FORMULA = re.compile(r"\$([^$]+)\$")
_NUMERAL = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?%?|\\frac\{[^{}]+\}\{[^{}]+\}")


class Box(NamedTuple):
    """A balanced box: where it starts and ends in the text, and what it holds."""

    start: int
    end: int
    content: str


def conclusion(response: str) -> str:
    """What follows the last `</think>`; the whole response without one."""
    return response.rpartition("</think>")[2]


def extract(response: str, joined_boxes: bool = True) -> str | None:
    """The content of the last balanced `\\boxed{}` after the last `</think>`; None without one.

    `joined_boxes`: boxes with nothing but connectives between them (`\\boxed{1} or \\boxed{2}`) are one
    list. An empty box is no answer, a box in a box is part of the outer one.
    """
    text = conclusion(response)
    boxes = [box for box in _boxes(text) if box.content]
    if not boxes:
        return None
    first = len(boxes) - 1
    while joined_boxes and first and _CONNECTIVES.fullmatch(text, boxes[first - 1].end, boxes[first].start):
        first -= 1
    return ", ".join(box.content for box in boxes[first:])


def extract_leniently(response: str) -> str | None:
    """`extract`; without a box what the last "answer is" states, the last formula, or the last numeral.

    A guess, to be reported apart: it rescues models that were never taught to box.
    """
    boxed = extract(response)
    if boxed is not None:
        return boxed
    text = conclusion(response)
    for line in reversed(text.splitlines()):
        if stated := _STATED.search(line):
            return _last_formula(stated.group(1)) or stated.group(1).strip(" .")
    return _last_formula(text)


def _last_formula(text: str) -> str | None:
    found = _FORMULA.findall(text) or _NUMERAL.findall(text)
    return found[-1].strip() if found else None


def _boxes(text: str) -> list[Box]:
    """The outermost balanced boxes, in order."""
    closing = _closing_braces(text)
    boxes: list[Box] = []
    for match in _BOX.finditer(text):
        inside = bool(boxes) and match.start() < boxes[-1].end
        if not inside and (end := closing.get(match.end())) is not None:
            boxes.append(Box(match.start(), end + 1, text[match.end() + 1 : end].strip()))
    return boxes


def _closing_braces(text: str) -> dict[int, int]:
    """Where each brace that closes does so; escaped ones do not count. One pass, however many are open."""
    closing, opened = {}, []
    for match in _BRACE.finditer(text):
        if match.group() == "{":
            opened.append(match.start())
        elif match.group() == "}" and opened:
            closing[opened.pop()] = match.start()
    return closing
