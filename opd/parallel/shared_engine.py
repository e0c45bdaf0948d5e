"""The rollout engines of all ranks as one.

The first rank draws the prompts, plays the games and judges the responses, as a single process would; the
others only answer. So an environment needs no agreement among ranks, and has one set of worker processes.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from opd.parallel import ranks
from opd.rollout.engine import Engine, answers
from opd.rollout.response import Response
from opd.spec import SamplingSpec

Outcome = TypeVar("Outcome")
Request = tuple[list[str], list[str], SamplingSpec]


def together(engine: Engine, alike: int, ask: Callable[[Engine], Outcome]) -> Outcome:
    """What `ask` makes of an engine, on all ranks; the first calls it, every rank answers its part.

    Engines of `alike` consecutive ranks are parts of one and get the same questions.
    """
    if ranks.count() == 1:
        return ask(engine)
    if not ranks.first():
        while (request := ranks.from_first(_nothing)) is not None:
            _answer(engine, alike, request)
        return ranks.from_first(_nothing)
    outcome = ask(SharedEngine(engine, alike))
    ranks.from_first(_nothing)  # no request: the others need not wait for more
    return ranks.from_first(lambda: outcome)


class SharedEngine:
    """Every rank's engine, asked by the first."""

    def __init__(self, engine: Engine, alike: int) -> None:
        self._engine, self._alike, self.tokenizer = engine, alike, engine.tokenizer
        self.version, self.end_ids = engine.version, engine.end_ids

    def stream(
        self, questions: Sequence[str], keys: Sequence[str], sampling: SamplingSpec, done: set[int]
    ) -> Iterator[tuple[int, Response]]:
        """All at once, when every rank is ready."""
        asked = [row for row in range(len(questions)) if row not in done]
        request = ranks.from_first(
            lambda: ([questions[i] for i in asked], [keys[i] for i in asked], sampling)
        )
        parts = _answer(self._engine, self._alike, request)
        for number, responses in enumerate(parts):
            yield from zip(asked[number :: len(parts)], responses, strict=True)


def _answer(engine: Engine, alike: int, request: Request) -> list[list[Response]]:
    """Answer this rank's part of the request; the first rank gets every part."""
    questions, keys, sampling = request
    mine = slice(ranks.rank() // alike, None, ranks.count() // alike)
    return ranks.to_first(answers(engine, questions[mine], keys[mine], sampling))[::alike]


def _nothing() -> None:
    return None
