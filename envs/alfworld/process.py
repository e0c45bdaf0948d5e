"""A worker process as its parent sees it: limits, restarts, and one replay of what was lost."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from envs.alfworld import rules
from envs.alfworld.game import Game
from envs.alfworld.messages import Kind, Load, State, Step


class EngineError(RuntimeError):
    """The engine failed: it raised, died, took too long, or a replay went another way."""


class EngineStartError(RuntimeError):
    """No worker could be started: the engine is not installed, or its self-check failed."""


@dataclass(frozen=True)
class Limits:
    """Seconds that a worker may take to start, to begin a game, and to answer a command."""

    start: float = 180.0
    reset: float = 120.0
    step: float = 30.0


@dataclass
class Recording:
    """What a slot plays, enough to play it again: the requests so far and what the last one gave."""

    requests: list[Load | Step]
    limits: list[float]
    live: int = 0  # how many of the requests the running process has seen
    state: State | None = None


@dataclass
class Worker:
    """One process and its `slots`. The process starts when first needed and is replaced whenever it fails.

    `stop` may be called while another thread waits for an answer; all else by one thread at a time.

    The engine is deterministic. So after a failure each slot's requests are given to the new process, when
    the slot is next used; the request that failed gets a second attempt that way, and no third.
    """

    slots: Sequence[int]
    accelerated: bool = True
    check: bool = True  # the accelerated engine against the stock one, at the first start
    grammar: Callable[[str], str] = rules.grammar
    limits: Limits = Limits()
    faults: list[str] = field(default_factory=list)  # a sentence per failure, in order
    _recordings: dict[int, Recording] = field(default_factory=dict)
    _process: subprocess.Popen | None = None
    _connection: Connection | None = None
    _stopped: bool = False

    def load(self, slot: int, game: Game) -> State:
        """Begin a game. EngineError: it failed twice. EngineStartError: no process can be had."""
        request = Load(self.slots.index(slot), game.problem, self.grammar(game.goal))
        self._recordings[slot] = Recording([request], [self.limits.reset])
        return self._play(self._recordings[slot])

    def step(self, slot: int, command: str) -> State:
        """Give a command to the slot's game. Errors as of `load`."""
        recording = self._recordings[slot]
        recording.requests.append(Step(self.slots.index(slot), command))
        recording.limits.append(self.limits.step)
        return self._play(recording)

    def start(self) -> None:
        """Start the process if none is running. Raises EngineStartError if it does not get ready."""
        if self._process is not None:
            return
        self._connection, theirs = Pipe()
        self._process = _spawn(theirs, len(self.slots), self._kind())
        theirs.close()
        if self._stopped:  # by now `stop` sees the process, or this line sees its mark
            self._process.kill()
        try:
            self._receive(self.limits.start, "to start")
        except EngineError as error:
            self.close()
            raise EngineStartError(f"ALFWorld's engine does not start: {error}") from error
        self.check = False

    @property
    def pid(self) -> int | None:
        """The process's number, if one is running."""
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        """End the process; the next request starts another."""
        if self._process is not None and self._connection is not None:
            self._connection.close()
            self._process.kill()
            self._process.wait()
        self._process = self._connection = None
        for recording in self._recordings.values():
            recording.live = 0

    def stop(self) -> None:
        """Kill the process for good: who waits for it gets an EngineError at once, and no second attempt."""
        self._stopped = True
        if (process := self._process) is not None:
            process.kill()

    def _kind(self) -> Kind:
        if self.accelerated:
            return "checked" if self.check else "accelerated"
        return "stock"

    def _play(self, recording: Recording) -> State:
        try:
            return self._attempt(recording)
        except EngineError:
            if self._stopped:
                raise
            return self._attempt(recording)

    def _attempt(self, recording: Recording) -> State:
        self.start()
        try:
            return self._catch_up(recording)
        except EngineError as error:
            self.faults.append(str(error))
            self.close()
            raise

    def _catch_up(self, recording: Recording) -> State:
        """Send the requests that the process has not seen; the state after the last of them."""
        last = len(recording.requests) - 1
        while recording.live <= last:
            state = self._ask(recording.requests[recording.live], recording.limits[recording.live])
            if recording.live == last - 1 and state != recording.state:
                raise EngineError("a replay of the same commands went another way")
            recording.live += 1
        recording.state = state
        return state

    def _ask(self, request: Load | Step, seconds: float) -> State:
        assert self._connection is not None
        with suppress(BrokenPipeError):  # a dead worker is reported on receiving
            self._connection.send(request)
        reply = self._receive(seconds, "for " + _in_words(request))
        assert reply is not None
        return reply

    def _receive(self, seconds: float, what: str) -> State | None:
        assert self._connection is not None
        assert self._process is not None
        if not self._connection.poll(seconds):
            raise EngineError(f"the engine took longer than {seconds:g} s {what}")
        try:
            reply = self._connection.recv()
        except (EOFError, ConnectionResetError):
            raise EngineError(f"the engine died with exit code {self._process.wait()}") from None
        if isinstance(reply, str):
            raise EngineError(reply)
        return reply


def _spawn(connection: Connection, slots: int, kind: Kind) -> subprocess.Popen:
    """The worker program with the socket's other end. Its errors are printed; its output is thrown away."""
    number = str(connection.fileno())
    # alfworld makes a folder for its data where it is imported; hash seeds and threads must not vary.
    fixed = {"ALFWORLD_DATA": tempfile.gettempdir(), "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "envs.alfworld.worker", number, str(slots), kind],
        pass_fds=[connection.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=os.environ | fixed,
    )


def _in_words(request: Load | Step) -> str:
    return f"{request.command!r}" if isinstance(request, Step) else "a reset"
