"""What breaks is replaced, replayed once, counted, and never a loss."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from threading import Thread

import pytest

from envs.alfworld import rules
from envs.alfworld.generator.generate import generate
from envs.alfworld.messages import State
from envs.alfworld.process import EngineStartError, Limits
from envs.alfworld.vector import AlfWorld, Turn
from programs.provenance import ROOT
from tests.processes import wait_until_ended

GAMES = generate("tiny", 1, 0, "train")[:2]
QUICK = Limits(start=120, reset=60, step=4)


def _look_around(world: AlfWorld, count: int) -> list[dict[int, Turn]]:
    """`count` turns in which every slot goes to the first place that it can go to."""
    turns = [world.reset(dict(enumerate(GAMES)))]
    for _ in range(count):
        turns.append(world.step({slot: turn.admissible[0] for slot, turn in turns[-1].items()}))
    return turns


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (signal.SIGKILL, "the engine died with exit code -9"),
        (signal.SIGSTOP, "the engine took longer than 4 s for "),
    ],
)
def test_a_killed_or_hung_worker_is_replaced_and_its_games_go_on(number: int, fault: str) -> None:
    with AlfWorld(2, 1, 20, limits=QUICK) as world:
        undisturbed = _look_around(world, 5)
        turns = _look_around(world, 2)
        (pid,) = world.pids
        os.kill(pid, number)
        while len(turns) < 6:
            turns.append(world.step({slot: turn.admissible[0] for slot, turn in turns[-1].items()}))
        assert turns == undisturbed
        assert len(world.faults) == 1
        assert world.faults[0].startswith(fault)
        assert world.pids != [pid]


def test_a_replay_that_goes_another_way_is_an_error() -> None:
    with AlfWorld(1, 1, 20, limits=QUICK) as world:
        first = world.reset({0: GAMES[0]})[0]
        (worker,) = world._workers
        worker._recordings[0].state = State("You are on the moon.", (), False)  # as if it had said so
        os.kill(world.pids[0], signal.SIGKILL)
        turn = world.step({0: "look"})[0]
        assert (turn.error, turn.won) == ("a replay of the same commands went another way", False)
        assert len(world.faults) == 2
        assert world.reset({0: GAMES[0]})[0] == first


def endless(goal: str) -> str:
    """A grammar in which to look at the inventory is to look at the inventory."""
    return rules.grammar(goal).replace("You are not carrying anything.", "#inventory.feedback#")


def test_an_engine_that_hangs_each_time_ends_the_episode_as_an_error() -> None:
    with AlfWorld(2, 1, 20, grammar=endless, limits=QUICK) as world:
        world.reset(dict(enumerate(GAMES)))
        turns = world.step({0: "inventory", 1: "look"})
    expected = "the engine took longer than 4 s for 'inventory'"
    assert (turns[0].error, turns[0].won, turns[0].done, turns[0].step) == (expected, False, True, 1)
    assert world.faults == [expected, expected]
    assert turns[1].error is None
    assert turns[1].observation.startswith("You are in the middle of a room.")


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (GAMES[0].problem[: len(GAMES[0].problem) // 2], "Error"),
        (GAMES[0].problem.replace("(atLocation ", "(beamedTo "), "KeyError: "),
    ],
)
def test_a_broken_problem_is_an_error_of_its_own_game_only(problem: str, reason: str) -> None:
    broken = replace(GAMES[0], id="broken", problem=problem)
    with AlfWorld(2, 1, 20, limits=QUICK) as world:
        turns = world.reset({0: broken, 1: GAMES[1]})
        assert turns[0].error is not None
        assert reason in turns[0].error
        assert (turns[0].won, turns[0].done, turns[0].admissible) == (False, True, ())
        assert len(world.faults) == 2
        assert turns[1].error is None
        assert world.step({1: "look"})[1].error is None
        assert world.reset({0: GAMES[0]})[0].error is None


def test_an_engine_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with (
        pytest.raises(EngineStartError, match="does not start: the engine died with exit code 1"),
        AlfWorld(1, 1, 20),
    ):
        pass


def test_games_are_closed_while_one_hangs() -> None:
    """As after Ctrl-C: there is no waiting for the limit, and no second attempt."""
    world = AlfWorld(1, 1, 20, grammar=endless).start()
    (pid,) = world.pids
    world.reset({0: GAMES[0]})
    turns: dict[int, Turn] = {}
    stepping = Thread(target=lambda: turns.update(world.step({0: "inventory"})))
    stepping.start()
    world.close()
    stepping.join()
    assert turns[0].error == "the engine died with exit code -9"
    assert len(world.faults) == 1
    assert not world.pids
    wait_until_ended(pid)


PARENT = """
import time
from threading import Thread
from envs.alfworld.vector import AlfWorld
from tests.envs.alfworld.test_faults import GAMES, endless
world = AlfWorld(1, 1, 20, grammar=endless).start()
world.reset({0: GAMES[0]})
Thread(target=world.step, args=[{0: "inventory"}]).start()
time.sleep(1)  # by then it is in the endless answer, and reads its socket no more
print(*world.pids, flush=True)
"""


def test_a_worker_that_hangs_ends_with_its_killed_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    wait_until_ended(worker)
