"""The final answer of a response: what its last box holds, after the thinking ended."""

import re
from collections.abc import Callable
from typing import NamedTuple

_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
# What sets two boxes apart without saying that they are a list, and what says so: punctuation, "and", "or",
# the name of the next value.
_TYPESETTING = r"[\s$.:~]|\\[,;:!() \[\]]|\\q?quad"
_LISTING = r"[,;&]|\\(?:text|mathrm|mbox)\{\s*(?:and|or|,)\s*\}|\b(?:and|or)\b|\b[a-zA-Z](?:_\{?\w\}?)?\s*="
_BESIDE = re.compile(rf"(?:{_TYPESETTING})*")
_LISTED = re.compile(rf"(?:{_TYPESETTING}|{_LISTING})*")
_STATED = re.compile(r"answer\s*(?:is|:)?\s*:?\s*(.+)", re.IGNORECASE)
_FORMULA = re.compile(r"\$([^$]+)\$")
_NUMERAL = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?%?|\\frac\{[^{}]+\}\{[^{}]+\}")


Reading = tuple[str, ...]
"""One way to take a response: answers of which each must equal the gold."""


class Box(NamedTuple):
    """A balanced box: where it starts and ends in the text, and what it holds."""

    start: int
    end: int
    content: str


def conclusion(response: str) -> str:
    """What follows the last `</think>`; the whole response without one."""
    return response.rpartition("</think>")[2]


def readings(response: str, joined_boxes: bool = True) -> list[Reading]:
    """The possible readings of the boxes that end a response after the last `</think>`; none without a box.

    The last box is the answer. Where it is listed with others (`\\boxed{1} or \\boxed{2}`) each of them must
    be right. With `joined_boxes` they may also form one list, and so may boxes that merely stand before it
    (`\\boxed{5}.`, and again `\\boxed{5}`). An empty box is no answer, a box in a box part of the outer one.
    """
    text = conclusion(response)
    boxes = [box for box in _boxes(text) if box.content]
    if not boxes:
        return []
    listed = _last(boxes, text, lambda gap: bool(_LISTED.fullmatch(gap) and not _BESIDE.fullmatch(gap)))
    each = tuple(dict.fromkeys(listed))
    if not joined_boxes:
        return [each]
    together = _last(boxes, text, lambda gap: bool(_LISTED.fullmatch(gap)))
    lists = [(", ".join(one),) for one in (each, listed, together)]
    return list(dict.fromkeys([lists[0], each, *lists[1:]]))


def readings_leniently(response: str) -> list[Reading]:
    """`readings`; without a box what the last "answer is" states, the last formula, or the last numeral.

    A guess, to be reported apart: it rescues models that were never taught to box.
    """
    guess = _guess(conclusion(response))
    return readings(response) or ([] if guess is None else [(guess,)])


def _guess(text: str) -> str | None:
    for line in reversed(text.splitlines()):
        if stated := _STATED.search(line):
            return _last_formula(stated.group(1)) or stated.group(1).strip(" .")
    return _last_formula(text)


def _last_formula(text: str) -> str | None:
    found = _FORMULA.findall(text) or _NUMERAL.findall(text)
    return found[-1].strip() if found else None


def _last(boxes: list[Box], text: str, joins: Callable[[str], bool]) -> list[str]:
    """The contents of the last box and of those before it, as long as the text between them joins them."""
    first = len(boxes) - 1
    while first and joins(text[boxes[first - 1].end : boxes[first].start]):
        first -= 1
    return [box.content for box in boxes[first:]]


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
