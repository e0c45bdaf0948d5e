"""Which problems of a suite a training set has seen: equal texts, and shared 13-grams.

Texts are compared as lower-case words: runs of letters and runs of digits, LaTeX commands among them
except what changes the layout only (`\\left`, `\\right`, the `d` of `\\dfrac`). A problem is `exact` if
its words are those of a training prompt; `shared` is the part of its distinct 13-grams that occur
anywhere in the training set. It counts as contaminated if it is exact or shares at least half. A
problem of fewer than 13 words has no 13-gram: it can only be exact. 13-grams are GPT-3's choice (Brown
et al. 2020, appendix C), the half is ours.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.suites.suite import Item

N = 13
SHARED = 0.5
_LAYOUT = re.compile(r"\\(?:left|right)(?![a-z])|(?<=\\)[dt](?=frac(?![a-z]))")
_WORD = re.compile(r"[a-z]+|\d+")


@dataclass(frozen=True)
class Overlap:
    """What one problem shares with a training set. `shared` is a fraction."""

    id: str
    exact: bool
    shared: float

    @property
    def mostly_shared(self) -> bool:
        """At least half of its 13-grams are in the training set."""
        return self.shared >= SHARED

    @property
    def contaminated(self) -> bool:
        """Exact or mostly shared."""
        return self.exact or self.mostly_shared


def words(text: str) -> list[str]:
    """The text as it is compared."""
    return _WORD.findall(_LAYOUT.sub("", text.lower()))


def overlaps(training: Iterable[str], problems: Sequence[Item], n: int = N) -> list[Overlap]:
    """What each problem shares with the training texts, in the problems' order."""
    suite = [words(problem.problem) for problem in problems]
    sought = {gram for text in suite for gram in grams(text, n)}
    whole = {tuple(text) for text in suite}
    seen_grams, seen_whole = set(), set()
    for text in map(words, training):
        seen_grams |= sought.intersection(grams(text, n))
        seen_whole |= whole & {tuple(text)}
    return [
        Overlap(problem.id, tuple(text) in seen_whole, _share(set(grams(text, n)), seen_grams))
        for problem, text in zip(problems, suite, strict=True)
    ]


def grams(text: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    """The n-grams of a list of words."""
    return zip(*(text[start:] for start in range(n)), strict=False)


def _share(own: set[tuple[str, ...]], seen: set[tuple[str, ...]]) -> float:
    return len(own & seen) / len(own) if own else 0.0


def contaminated_ids(report: Path) -> dict[str, frozenset[str]]:
    """Suite -> ids of its contaminated problems, from a report of `python -m eval.suites contamination`.

    The clean subset of a suite is the rest of its problems.
    """
    found = json.loads(report.read_text())["suites"]
    return {name: frozenset(row["id"] for row in found[name]["contaminated"]) for name in found}
