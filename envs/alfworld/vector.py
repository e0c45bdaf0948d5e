"""Many games at once: slots spread over worker processes.

What a slot says depends on its game and its commands alone, not on how many slots and processes there are.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self, TypeVar

from envs.alfworld import rules
from envs.alfworld.game import Game
from envs.alfworld.messages import State
from envs.alfworld.process import EngineError, Limits, Worker
from programs.errors import UserError

_Given = TypeVar("_Given", Game, str)


@dataclass(frozen=True)
class Turn:
    """What a slot says. `step` counts commands, those that were not admissible too.

    An episode is `done` when it is won, out of steps, or broken; then `error` says how, and it is no loss.
    """

    observation: str
    admissible: tuple[str, ...]
    won: bool
    done: bool
    step: int
    error: str | None = None


class AlfWorld:
    """`slots` games in `processes`; use it as a context manager, or call `close`.

    An episode ends after `max_steps` commands. `accelerated` plays on `envs.alfworld.acceleration`, which
    gives the same text. `grammar` makes the grammar with a goal in it, of `envs.alfworld.rules` by default.
    UserError if one of the three numbers is less than 1.
    Memory per process with 8 slots: about 100 MB on tiny games, 180 MB on real ones.
    """

    def __init__(
        self,
        slots: int,
        processes: int,
        max_steps: int,
        accelerated: bool = True,
        grammar: Callable[[str], str] = rules.grammar,
        limits: Limits = Limits(),  # noqa: B008  frozen
    ) -> None:
        if slots < 1 or processes < 1 or max_steps < 1:
            raise UserError("slots, processes and max_steps must be at least 1")
        processes = min(slots, processes)
        self.max_steps = max_steps
        self._turns: dict[int, Turn] = {}
        self._workers = [
            Worker(range(first, slots, processes), accelerated, first == 0, grammar, limits)
            for first in range(processes)
        ]
        self._threads = ThreadPoolExecutor(processes)

    @property
    def faults(self) -> list[str]:
        """A sentence per failure of the engine so far, those that a replay mended too."""
        return [fault for worker in self._workers for fault in worker.faults]

    @property
    def pids(self) -> list[int]:
        """The numbers of the worker processes that are running."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    def start(self) -> Self:
        """Start every worker now rather than when first needed. EngineStartError says why one cannot."""
        list(self._threads.map(Worker.start, self._workers))
        return self

    def reset(self, games: Mapping[int, Game]) -> dict[int, Turn]:
        """Begin each slot's game, whatever it played before. Returns the first turn per slot."""
        return self._advance(games, self._begin)

    def step(self, commands: Mapping[int, str]) -> dict[int, Turn]:
        """Give each slot its command. Returns the next turn per slot; ValueError if a slot is done."""
        for slot in commands:
            if slot not in self._turns or self._turns[slot].done:
                raise ValueError(f"slot {slot} has no game in progress; reset it")
        return self._advance(commands, self._continue)

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        for worker in self._workers:
            worker.stop()
        self._threads.shutdown()
        for worker in self._workers:
            worker.close()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _advance(
        self, given: Mapping[int, _Given], play: Callable[[Worker, int, _Given], Turn]
    ) -> dict[int, Turn]:
        """Play each slot's game or command, the workers side by side, a worker's slots one after another."""

        def run(worker: Worker) -> dict[int, Turn]:
            return {slot: play(worker, slot, given[slot]) for slot in worker.slots if slot in given}

        if unknown := [slot for slot in given if not any(slot in worker.slots for worker in self._workers)]:
            raise ValueError(f"no such slots: {unknown}")
        for turns in self._threads.map(run, self._workers):
            self._turns |= turns
        return {slot: self._turns[slot] for slot in given}

    def _begin(self, worker: Worker, slot: int, game: Game) -> Turn:
        try:
            return self._turn(worker.load(slot, game), 0)
        except EngineError as error:
            return Turn("", (), False, True, 0, str(error))

    def _continue(self, worker: Worker, slot: int, command: str) -> Turn:
        last = self._turns[slot]
        try:
            return self._turn(worker.step(slot, command), last.step + 1)
        except EngineError as error:
            return replace(last, done=True, step=last.step + 1, error=str(error))

    def _turn(self, state: State, step: int) -> Turn:
        done = state.won or step >= self.max_steps
        return Turn(state.observation, state.admissible, state.won, done, step)
