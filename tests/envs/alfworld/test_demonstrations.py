"""Demonstrations: the expert's command at every turn, slips or not, on the real engine."""

import json
import random
import re
from collections import Counter

import pytest

from envs.alfworld import demonstrations
from envs.alfworld.demonstrations import Demonstration, read_demonstrations, slip, turns
from envs.alfworld.generator import generate
from envs.alfworld.panel import make_panel, write_panel
from envs.alfworld.play import Episode, Played, Situation
from envs.alfworld.policies.expert import expert
from envs.alfworld.protocols import Compact, Exchange, History, VerlAgent
from envs.alfworld.vector import AlfWorld, Turn
from programs.errors import UserError

PANEL = make_panel("six", generate("tiny", 1, 3, "train"))


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    path = tmp_path_factory.mktemp("panel") / "panel.jsonl"
    write_panel(path, PANEL)
    return path


def made(panel, out, *options: str) -> list[Demonstration]:
    demonstrations.main(["--panel", str(panel), "--out", str(out), *options])
    return read_demonstrations(out)[0]


def replayed(turn_commands: dict[str, list[str]]) -> dict[str, bool]:
    """Whether each game is won by its commands."""
    won = {}
    with AlfWorld(1, 1, 30) as world:
        for game in PANEL.games:
            turn = world.reset({0: game})[0]
            for command in turn_commands[game.id]:
                turn = world.step({0: command})[0]
            won[game.id] = turn.won
    return won


def test_without_slips_the_commands_win_the_games(panel, tmp_path):
    shown = made(panel, tmp_path / "d.jsonl", "--slip-rate", "0")
    commands = {game.id: [turn.command for turn in shown if turn.game == game.id] for game in PANEL.games}
    assert all(replayed(commands).values())
    assert {turn.task_type for turn in shown} == {game.task_type for game in PANEL.games}
    assert all("failed:" not in turn.prompt for turn in shown)
    assert [turn.game for turn in shown] == sorted(turn.game for turn in shown)


def test_slips_are_seen_in_prompts_and_never_shown_as_right(panel, tmp_path):
    plain = made(panel, tmp_path / "plain.jsonl", "--slip-rate", "0")
    slipped = made(panel, tmp_path / "slipped.jsonl", "--slip-rate", "0.5")
    assert len(slipped) > len(plain)
    assert any("failed: " in turn.prompt for turn in slipped)
    # The expert never gives an inadmissible command, so none that failed is right at once.
    assert all(turn.command not in turn.prompt.partition("failed: ")[2].splitlines() for turn in slipped)


def test_the_expert_wins_whatever_it_slips(tmp_path):
    """Half of all commands are slips, so things of no use are picked up; it puts each down and goes on."""
    panel = make_panel("many", generate("tiny", 4, 3, "train"))
    write_panel(tmp_path / "panel.jsonl", panel)
    shown = made(tmp_path / "panel.jsonl", tmp_path / "d.jsonl", "--slip-rate", "0.5", "--max-steps", "100")
    assert "look" not in {turn.command for turn in shown}
    assert max(Counter(turn.game for turn in shown).values()) < 100
    commands = [
        (held[1], turn.command)
        for turn in shown
        if (held := re.search(r"^hold: (\w+ \d+)", turn.prompt, re.MULTILINE))
        and held[1].split()[0] not in turn.prompt.splitlines()[0].split()
    ]
    assert len(commands) > 5
    # In front of a closed piece, or of none, there is no place to put it.
    assert all(re.match(rf"(move {thing} to|open|go to) ", command) for thing, command in commands)
    assert any(command.startswith("move ") for _, command in commands)


def test_same_options_same_bytes_whatever_the_processes(panel, tmp_path):
    for name, *options in (("a",), ("b", "--processes", "2"), ("c", "--seed", "1")):
        made(panel, tmp_path / name, "--slip-rate", "0.4", *options)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_first_line_states_how_they_were_made(panel, tmp_path):
    shown = made(panel, tmp_path / "d.jsonl", "--slip-rate", "0", "--max-steps", "2")
    head, *rows = map(json.loads, (tmp_path / "d.jsonl").read_text().splitlines())
    assert head == {
        "demonstrations": 12,
        "protocol": {"name": "compact", "instruction": ""},
        "slip_rate": 0.0,
        "seed": 0,
        "max_steps": 2,
        **PANEL.statement(),
    }
    assert [Demonstration(**row) for row in rows] == shown
    assert read_demonstrations(tmp_path / "d.jsonl")[1] == Compact()


def test_whether_a_turn_is_a_slip_is_drawn_anew_at_each():
    opening = "room: desk 1, shelf 1.\nYour task is to: put a mug in shelf."
    history = History("", opening, ("go to desk 1", "go to shelf 1", "inventory"))
    episode = Episode("six", PANEL.games[0], 0, "run")
    plays = []
    for step in range(30):
        situation = Situation(episode, Turn("", (), won=False, done=False, step=step), history)
        plays.append(demonstrations.slipping_expert(0.5, situation))
        history = history.then("inventory", "nothing.", history.admissible)
    # A slip is one of three commands here, so two of three slips are seen.
    slips = [command != expert(history) for command in plays]
    assert 2 <= sum(slips) <= 20
    assert slips != sorted(slips)


def test_slips_are_half_admissible_and_half_plausible():
    history = History(
        "pick_and_place_simple",
        "You are in the middle of a room. Looking quickly around you, you see a desk 1, and a shelf 1.\n\n"
        "Your task is to: put a mug in shelf.",
        ("go to shelf 1", "inventory", "take mug 1 from desk 1"),
        (Exchange("go to desk 1", "You arrive at desk 1. On the desk 1, you see a mug 1."),),
    )
    drawn = [slip(history, random.Random(seed)) for seed in range(400)]
    in_vain = {command for command in drawn if command not in history.admissible}
    assert in_vain == {
        *(
            f"{verb} mug 1 with {place} 1"
            for verb in ("heat", "cool", "clean")
            for place in ("desk", "shelf")
        ),
        *("take mug 1 from shelf 1", "move mug 1 to desk 1", "move mug 1 to shelf 1", "use mug 1"),
        *("go to desk 1", "open desk 1", "open shelf 1"),
    }
    assert sum(command in history.admissible for command in drawn) == pytest.approx(200, abs=40)


def test_a_protocol_that_wants_more_than_a_command_is_refused(panel, tmp_path):
    with pytest.raises(UserError, match=r"VerlAgent is more than a command.*use compact"):
        made(panel, tmp_path / "d.jsonl", "--protocol", "verl_agent")
    with pytest.raises(UserError, match="more than a command"):
        demonstrations.check(VerlAgent())


def test_errors_name_what_is_wrong(panel, tmp_path, capsys):
    for share in ("1.5", "half"):
        with pytest.raises(SystemExit):
            made(panel, tmp_path / "d.jsonl", "--slip-rate", share)
        assert f"{share} is not between 0 and 1" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError):
        made(tmp_path / "none.jsonl", tmp_path / "d.jsonl")
    with pytest.raises(UserError, match="is no file of demonstrations"):
        read_demonstrations(panel)
    made(panel, tmp_path / "d.jsonl", "--slip-rate", "0", "--max-steps", "1")
    cut = "".join((tmp_path / "d.jsonl").read_text().splitlines(keepends=True)[:-1])
    (tmp_path / "cut.jsonl").write_text(cut)
    with pytest.raises(UserError, match="states 6 demonstrations and holds 5"):
        read_demonstrations(tmp_path / "cut.jsonl")
    (tmp_path / "text").write_text("no JSON\n")
    with pytest.raises(UserError, match="is no file of demonstrations"):
        read_demonstrations(tmp_path / "text")


def test_an_engine_error_is_no_demonstration():
    broken = Turn("", (), won=False, done=True, step=0, error="hung")
    episode = Episode("six", PANEL.games[0], 0, "run")
    played = Played(Situation(episode, broken, History("", "", ())))
    with pytest.raises(RuntimeError, match=r"engine failed in generated-tiny-3/train.*: hung"):
        turns(played, Compact())


def test_prompts_and_commands_are_those_of_the_history():
    history = History(
        "pick_and_place_simple",
        "You see a desk 1, and a shelf 1.\n\nYour task is to: put a mug in shelf.",
        ("go to desk 1", "go to shelf 1"),
    )
    episode = Episode("six", PANEL.games[0], 0, "run")
    end = Turn("", (), won=True, done=True, step=1)
    played = Played(Situation(episode, end, history), histories=(history,))
    assert turns(played, Compact()) == [
        Demonstration(PANEL.games[0].id, PANEL.games[0].task_type, Compact().prompt(history), expert(history))
    ]
