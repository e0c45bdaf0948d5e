"""The engine for real: games are won, limits hold, and how the slots are spread changes nothing."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from envs.alfworld.generator.generate import generate
from envs.alfworld.vector import AlfWorld
from tests.envs.alfworld.playing import random_episodes, witnessed

GAMES = generate("tiny", 2, 0, "valid_unseen")


@pytest.fixture(scope="module")
def world() -> Iterator[AlfWorld]:
    with AlfWorld(12, 2, 20) as world:
        yield world


def test_twelve_games_two_per_type_are_won_by_their_witness(world: AlfWorld) -> None:
    assert len(GAMES) == 12
    last = witnessed(world, GAMES)
    assert {id: (turn.won, turn.done, turn.error) for id, turn in last.items()} == {
        game.id: (True, True, None) for game in GAMES
    }
    assert [last[game.id].step for game in GAMES] == [len(game.witness or ()) for game in GAMES]
    assert world.faults == []


def test_the_first_turn_states_the_task_and_what_can_be_done(world: AlfWorld) -> None:
    turn = world.reset({3: GAMES[0]})[3]
    assert turn.observation.startswith(
        "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room."
    )
    assert turn.observation.endswith(f"Your task is to: {GAMES[0].goal}.")
    assert {"help", "inventory", "look"} < set(turn.admissible)
    assert list(turn.admissible) == sorted(turn.admissible)
    assert (turn.won, turn.done, turn.step, turn.error) == (False, False, 0, None)


def test_every_command_is_a_step_and_the_last_one_ends_the_episode(world: AlfWorld) -> None:
    world.reset({0: GAMES[0]})
    turns = [world.step({0: "dance"})[0] for _ in range(20)]
    assert {turn.observation for turn in turns} == {"Nothing happens."}
    assert [turn.step for turn in turns] == list(range(1, 21))
    assert [turn.done for turn in turns] == [False] * 19 + [True]
    assert (turns[-1].won, turns[-1].error) == (False, None)
    with pytest.raises(ValueError, match="slot 0 has no game in progress"):
        world.step({0: "look"})


def test_a_slot_is_reset_in_the_middle_of_a_game(world: AlfWorld) -> None:
    first = world.reset({5: GAMES[1]})[5]
    world.step({5: first.admissible[0]})
    assert world.reset({5: GAMES[1]})[5] == first


def test_slots_that_are_not_there(world: AlfWorld) -> None:
    with pytest.raises(ValueError, match=r"no such slots: \[12\]"):
        world.reset({12: GAMES[0]})


def test_slots_processes_and_order_change_nothing() -> None:
    games = GAMES[:8]
    with AlfWorld(1, 1, 12) as world:
        one_by_one = {
            id: turns for game in games for id, turns in random_episodes(world, [game], [0]).items()
        }
    for processes, order in ((1, range(8)), (2, (3, 0, 7, 2, 5, 1, 4, 6))):
        with AlfWorld(8, processes, 12) as world:
            assert random_episodes(world, games, order) == one_by_one
    assert sum(len(turns) for turns in one_by_one.values()) > 8 * 8


def test_the_engine_stays_in_its_process_and_torch_out_of_it() -> None:
    parent = "import envs.alfworld.vector, envs.alfworld.panel, envs.alfworld.sources"
    worker = "import envs.alfworld.worker, envs.alfworld.self_check"
    engine = "{'textworld', 'fast_downward', 'alfworld', 'jericho'}"
    for imports, unwanted in ((parent, engine), (worker, "{'torch', 'transformers', 'jericho', 'spacy'}")):
        code = f"import sys\n{imports}\nprint(*({unwanted} & set(sys.modules)))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == ""
