"""What the benchmark counts, on the engine; and that many episodes need no more memory."""

import os
import random
import time

import pytest

from envs.alfworld.benchmark import Measurement, cpu_seconds, main, measure, memory, resident_mb, table
from envs.alfworld.generator.generate import generate
from envs.alfworld.vector import AlfWorld


def test_it_counts_games_steps_and_commands() -> None:
    games = generate("tiny", 1, 0, "train")[:2]
    measured = measure(games, 15, accelerated=True, passes=2)
    assert measured.games == 4
    assert 30 < measured.steps <= 60  # a random policy wins almost never
    assert 3 < measured.commands < 40
    assert measured.load_s > 0
    assert 30 < measured.resident_mb < 500


def test_memory_is_that_of_every_worker_after_each_tenth() -> None:
    rows = memory(generate("tiny", 2, 0, "train"), 3, slots=4)
    assert [row["episodes"] for row in rows] == [2, 4, 6, 8, 10, 12]
    assert all(20 < row[f"worker {n} (MB)"] < 300 for row in rows for n in (0, 1))
    assert {row["faults"] for row in rows} == {0}


def test_cpu_seconds_are_those_of_the_process() -> None:
    start, own = cpu_seconds(os.getpid()), time.process_time()
    while time.process_time() < own + 0.2:
        pass
    assert 0.17 <= cpu_seconds(os.getpid()) - start <= 0.3


def test_the_table_compares_with_the_first_row() -> None:
    rows = {
        "stock": Measurement(2, 100, 8.0, 1.0, 5.0, 80),
        "accelerated": Measurement(2, 100, 8.0, 0.2, 0.2, 80),
    }
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table(rows).splitlines()]
    stock, accelerated = (dict(zip(lines[0], line, strict=True)) for line in lines[2:])
    assert (stock["steps per CPU s"], stock["times"], stock["load (CPU ms)"]) == ("20.0", "1.0", "500.0")
    assert (accelerated["step (CPU ms)"], accelerated["times"]) == ("2.0", "25.0")


def test_too_few_steps_have_no_speed() -> None:
    rows = {"stock": Measurement(1, 2, 8.0, 1.0, 0.0, 80)}
    assert "nan" in table(rows)


@pytest.mark.slow
def test_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--source", "generated:tiny:1:0", "--games", "2", "--steps", "10"])
    assert "| accelerated |" in capsys.readouterr().out


@pytest.mark.slow
def test_many_episodes_need_no_more_memory() -> None:
    """600 episodes of 50 games in one process. A new engine for each would add 900 MB."""
    games = generate("tiny", 9, 0, "train")[:50]
    draw = random.Random(0)
    with AlfWorld(10, 1, 4) as world:
        resident = []
        for number in range(60):
            turns = world.reset({slot: games[(10 * number + slot) % 50] for slot in range(10)})
            while going := {slot: turn for slot, turn in turns.items() if not turn.done}:
                turns = world.step({slot: draw.choice(turn.admissible) for slot, turn in going.items()})
            resident.append(resident_mb(world.pids[0]))
        assert world.faults == []
    assert resident[-1] < resident[19] + 5


def test_no_games_have_no_speed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--source", "generated:tiny:2:0", "--games", "0"])
    assert "--games and --steps must be at least 1" in capsys.readouterr().err
