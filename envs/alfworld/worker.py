"""The engine's process: a program that plays the games its parent sends over an inherited socket.

    python -m envs.alfworld.worker FD SLOTS KIND

It is started with an interpreter of its own, so neither the parent's memory nor its main module comes along,
and what the engine does to global state (`sys.argv`, `sys.stdout`, the translator's options) stays here.
Requests are `Load` and `Step`; a reply is the engine's State, or a sentence that says what failed.
"""

import gc
import signal
import sys
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from envs.alfworld.messages import Load, State, Step
from programs.orphans import end_with_parent

if TYPE_CHECKING:
    from envs.alfworld.engine import Engine


def main(arguments: list[str]) -> None:
    """Check the engine, say that it is ready, then serve until the parent closes the socket."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to handle; it closes the socket
    connection = Connection(int(arguments[0]))
    try:
        engines = _engines(int(arguments[1]), arguments[2])
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")
        return
    connection.send(None)
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        connection.send(_reply(engines[request.slot], request))


def _engines(count: int, kind: str) -> list["Engine"]:
    from envs.alfworld import acceleration, self_check
    from envs.alfworld.engine import Engine

    engines = [Engine() for _ in range(count)]
    if kind == "checked":
        self_check.accelerate_checked(engines[0])
    elif kind == "accelerated":
        acceleration.switch_on()
    gc.freeze()  # what is loaded by now stays: later collections need not look at it
    return engines


def _reply(engine: "Engine", request: Load | Step) -> State | str:
    try:
        if isinstance(request, Load):
            return engine.load(request.problem, request.grammar)
        return engine.step(request.command)
    except (Exception, SystemExit) as error:  # the translator exits on a problem that it cannot read
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main(sys.argv[1:])
