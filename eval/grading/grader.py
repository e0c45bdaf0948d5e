"""Grading many answers: numerals at once, everything else in workers that can be killed.

A worker has 5 seconds and 2 GiB per answer. One that runs out of either is killed and replaced; its answer is
`ungraded`. One that dies otherwise has its answer graded again by another worker, once.
"""

import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from types import TracebackType
from typing import Self

from pebble import CONSTS, ProcessExpired, ProcessPool

from eval.grading import symbolic
from eval.grading.compare import Outcome, decide
from eval.grading.conventions import DEFAULT, STRICT, Conventions
from eval.grading.extract import Reading, readings, readings_leniently
from eval.grading.grade import Grade
from programs.orphans import end_with_parent
from programs.progress import progress

SECONDS = 5.0
LONGEST_ANSWER = 2000
_MEMORY = 2 << 30
_ATTEMPTS = 2
# Workers take turns at one pipe. One that is killed in its turn stops the others for twice as long as this.
_TURN_S = 5
# An answer that is next waits for a worker to start and for its own time; for longer only if it was lost.
_LOST_S = 120
_MOST_BROKEN = 5
# What plain numerals are written with: digits, signs, fractions, powers of ten.
_PLAIN = re.compile(
    r"(?:[\d\s.,+\-/*^{}()$]|[eE](?=[+-]?\d)|\\[dt]?frac|\\times|\\cdot|\\left|\\right|\\[!,;])*"
)
_LONGEST_PLAIN = 100

Pair = tuple[str, str]


class Grader:
    """A pool of grading workers; use it as a context manager, or call `close`."""

    def __init__(
        self, conventions: Conventions = DEFAULT, workers: int = 2, seconds: float = SECONDS
    ) -> None:
        self.conventions = conventions
        self.workers = workers
        self.seconds = seconds
        self._pool: ProcessPool | None = None
        self._broken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers; the next call starts new ones."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None

    def responses(self, pairs: Sequence[Pair]) -> list[Grade]:
        """A grade per (gold, response), in order; `wrong` where the response boxes nothing.

        What is correct is graded again under the strict conventions, what has no box with lenient extraction.
        """
        grades = self._extracted(pairs, partial(readings, joined_boxes=self.conventions.joined_boxes))
        correct = [i for i, grade in enumerate(grades) if grade.verdict == "correct"]
        unboxed = [i for i, grade in enumerate(grades) if grade.answer is None]
        strictly = self._extracted([pairs[i] for i in correct], partial(readings, joined_boxes=False), STRICT)
        leniently = self._extracted([pairs[i] for i in unboxed], readings_leniently)
        for i, grade in zip(correct, strictly, strict=True):
            grades[i] = replace(grades[i], strict=grade.verdict == "correct")
        for i, grade in zip(unboxed, leniently, strict=True):
            grades[i] = replace(grades[i], lenient=grade.verdict == "correct")
        return grades

    def answers(self, pairs: Sequence[Pair], conventions: Conventions | None = None) -> list[Grade]:
        """A grade per (gold, answer), in order, under the grader's conventions or others."""
        conventions = conventions or self.conventions
        grades: dict[Pair, Grade] = {}  # equal pairs are graded once
        for pair in pairs:
            if pair not in grades and (quick := _at_once(*pair, conventions)) is not None:
                grades[pair] = quick
        waiting = [pair for pair in dict.fromkeys(pairs) if pair not in grades]
        deaths: Counter[Pair] = Counter()
        while waiting:
            self._in_workers(waiting, conventions, grades, deaths)
            for pair in waiting:
                if deaths[pair] >= _ATTEMPTS:
                    grades[pair] = Grade("ungraded", "the worker died twice", pair[1])
            waiting = [pair for pair in waiting if pair not in grades]
        return [grades[pair] for pair in pairs]

    def group(self, answers: Sequence[str]) -> list[int]:
        """A label per answer; answers that grade as equal share one. For majority votes."""
        labels: dict[str, int] = {}
        leaders: list[str] = []
        for answer in dict.fromkeys(answers):
            grades = self.answers([(leader, answer) for leader in leaders])
            match = next((i for i, grade in enumerate(grades) if grade.verdict == "correct"), None)
            if match is None:
                match = len(leaders)
                leaders.append(answer)
            labels[answer] = match
        return [labels[answer] for answer in answers]

    def _extracted(
        self,
        pairs: Sequence[Pair],
        extraction: Callable[[str], list[Reading]],
        conventions: Conventions | None = None,
    ) -> list[Grade]:
        """A grade per (gold, response): that of the best way to read it, as `extraction` finds them."""
        found = [(gold, extraction(response)) for gold, response in pairs]
        wanted = [(gold, answer) for gold, ways in found for way in ways for answer in way]
        grades = dict(zip(wanted, self.answers(wanted, conventions), strict=True))
        return [_best([[grades[gold, answer] for answer in way] for way in ways]) for gold, ways in found]

    def _in_workers(
        self,
        pairs: Sequence[Pair],
        conventions: Conventions,
        grades: dict[Pair, Grade],
        deaths: Counter[Pair],
    ) -> None:
        """Grade the pairs in the pool into `grades`; count those whose worker died in `deaths`.

        A worker that dies between two answers breaks the whole pool, as does an answer that a dying worker
        took along. Then a new pool takes what is left.
        """
        pool = self._started()
        task = partial(grade_answer, conventions=conventions)
        died = False
        try:
            futures = {pair: pool.schedule(task, args=pair, timeout=self.seconds) for pair in pairs}
            for pair, future in progress(futures.items(), "grading", unit="answer", leave=False):
                try:
                    grades[pair] = future.result(2 * self.seconds + _LOST_S)
                except TimeoutError:
                    if not future.done():
                        raise BrokenProcessPool("an answer was lost") from None
                    if died:  # it may have been the dead worker's, which took no time over it
                        deaths[pair] += 1
                    else:
                        reason = f"took longer than {self.seconds:g} s"
                        grades[pair] = Grade("ungraded", reason, pair[1], self.seconds)
                except ProcessExpired:
                    deaths[pair] += 1
                    died = True
        except (BrokenProcessPool, RuntimeError) as error:
            self.close()
            self._broken += 1
            if self._broken > _MOST_BROKEN:
                raise RuntimeError("grading workers keep dying; is there enough memory?") from error

    def _started(self) -> ProcessPool:
        if self._pool is None:
            context = get_context("spawn")  # a fork would copy the threads' locks of whoever calls
            self._pool = ProcessPool(self.workers, initializer=_begin, context=context)
        return self._pool


def _best(ways: list[list[Grade]]) -> Grade:
    """The grade of the best way to read a response, each way as good as the worst answer in it."""
    nothing = Grade("wrong", "no balanced box after the last </think>")
    return min((max(way, key=_rank) for way in ways), key=_rank, default=nothing)


def _rank(grade: Grade) -> int:
    return ("correct", "ungraded", "wrong").index(grade.verdict)


def grade_answer(gold: str, answer: str, conventions: Conventions) -> Grade:
    """The grade of one answer, by our rules and then by math-verify; what it raises is `ungraded`."""
    start = time.perf_counter()
    try:
        outcome = decide(gold, answer, conventions)
        if outcome.unread:
            outcome = symbolic.decide_symbolically(gold, answer)
    except MemoryError:
        outcome = Outcome("ungraded", "took more than 2 GiB")
    except Exception as error:
        outcome = Outcome("ungraded", f"the grader failed: {type(error).__name__}")
    return Grade(outcome.decision, outcome.reason, answer, time.perf_counter() - start)


def _at_once(gold: str, answer: str, conventions: Conventions) -> Grade | None:
    """The grade of what needs no worker: the same text, plain numerals, what is too long."""
    start = time.perf_counter()
    outcome = None
    if max(len(gold), len(answer)) > LONGEST_ANSWER:
        outcome = Outcome("ungraded", f"longer than {LONGEST_ANSWER} characters")
    elif gold == answer and gold.strip():
        outcome = Outcome("correct", "the same text")
    elif _is_plain(gold) and _is_plain(answer):
        outcome = decide(gold, answer, conventions)
    if outcome is None or outcome.unread:
        return None
    return Grade(outcome.decision, outcome.reason, answer, time.perf_counter() - start)


def _is_plain(text: str) -> bool:
    return len(text) <= _LONGEST_PLAIN and bool(_PLAIN.fullmatch(text))


def _begin() -> None:
    """In a new worker: limit its memory, allow long sums, load math-verify."""
    end_with_parent()
    CONSTS.channel_lock_timeout = _TURN_S
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    sys.setrecursionlimit(20_000)
    symbolic.preload()
