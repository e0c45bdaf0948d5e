"""The program as users run it, on the real engine: by hand, by spec, resumed, with faults, without data."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pandas as pd
import pytest

from envs.alfworld.generator import generate
from envs.alfworld.panel import Panel, make_panel, write_panel
from eval.alfworld import __main__ as alfworld
from eval.alfworld.__main__ import main
from eval.alfworld.options import arguments
from eval.alfworld.spec import PlaySpec
from opd import models
from programs.command_line import launch

BY_HAND = "--policy expert --generated tiny --per-type 1 --seed 3 --panel valid_unseen --slots 3 --out"


def run(command: str) -> None:
    launch(main, *arguments(None, [*command.split(), "--processes", "1"]))


def records(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "episodes.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a job that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole")
    run(f"{BY_HAND} {out}")
    return out


def test_folder_holds_records_manifest_and_scores(whole, capsys):
    assert sorted(path.name for path in whole.iterdir()) == [
        "episodes.json",
        "episodes.jsonl",
        "problems.csv",
        "table.csv",
        "table.md",
    ]
    panel = make_panel("generated:tiny:1:3 valid_unseen", generate("tiny", 1, 3, "valid_unseen"))
    manifest = json.loads((whole / "episodes.json").read_text())
    assert manifest["panel"] == panel.statement()
    assert manifest["rules"]["alfworld"] == "0.4.2"
    assert PlaySpec(**manifest["spec"]).policy == "expert"
    found = records(whole)
    assert [record["problem"] for record in found] == [game.id for game in panel.games]
    assert {record["protocol"] for record in found} == {"policy expert"}
    assert {record["grammar_md5"] for record in found} == {"468c80f18e11a832edf35a8e1fb77d8d"}
    lines = pd.read_csv(whole / "table.csv").set_index("row")
    assert list(lines.index) == ["all", "mean of types", *(game.task_type for game in panel.games)]
    assert lines.loc["all", ["games", "won", "lost", "error"]].tolist() == [6, 6, 0, 0]
    assert (whole / "table.md").read_text().count("\n") == 10


def test_resumed_job_plays_only_what_is_missing(whole, tmp_path, monkeypatch):
    """Four of six episodes are there, the fifth was cut off in the middle of its line."""
    with monkeypatch.context() as stopped:
        stopped.setattr(alfworld.Journal, "finish", lambda *_: None)
        run(f"{BY_HAND} {tmp_path}")
    partial = tmp_path / "episodes.partial"
    lines = partial.read_text().splitlines(keepends=True)
    partial.write_text("".join(lines[:5]) + lines[5][:40])
    played = []
    act = alfworld.PolicyPlayer.act
    monkeypatch.setattr(
        alfworld.PolicyPlayer,
        "act",
        lambda self, each: played.extend(s.episode.game.id for s in each) or act(self, each),
    )
    run(f"{BY_HAND.replace('--slots 3', '--slots 1')} {tmp_path}")
    assert set(played) == {json.loads(line)["problem"] for line in lines[5:]}
    assert (tmp_path / "episodes.jsonl").read_bytes() == (whole / "episodes.jsonl").read_bytes()


@pytest.mark.slow
def test_killed_job_continues_to_the_same_bytes(tmp_path):
    several = BY_HAND.replace("--per-type 1", "--per-type 4")  # so that the kill comes before the end
    run(f"{several} {tmp_path / 'whole'}")
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "eval.alfworld", *several.split(), str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    partial = out / "episodes.partial"
    while not partial.exists() or partial.read_bytes().count(b"\n") < 2:
        assert process.poll() is None, "the job ended before it could be killed"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "resuming after" in again.stdout
    assert (out / "episodes.jsonl").read_bytes() == (tmp_path / "whole/episodes.jsonl").read_bytes()


def test_paired_difference_from_another_run(whole, tmp_path, capsys):
    run(f"{BY_HAND.replace('expert', 'random')} {tmp_path} --max-steps 3 --against {whole}")
    printed, logged = capsys.readouterr()
    assert not logged  # a short job's progress is not worth a line
    assert f"Difference from {whole}: -100.0 points" in printed
    assert "McNemar's p 0.031; paired on 6 games" in printed


@pytest.fixture
def asked(monkeypatch) -> list[list[str]]:
    """The games that each run of the program gives the engine."""
    found, play = [], alfworld.play

    def noted(world, slots, waiting, player):
        found.append([episode.game.id for episode in waiting])
        return play(world, slots, waiting, player)

    monkeypatch.setattr(alfworld, "play", noted)
    return found


def test_too_many_engine_errors_fail_the_program_and_cost_no_other_episode(tmp_path, asked):
    games = generate("tiny", 1, 0, "train")
    broken = replace(games[0], problem="(define (problem broken)")
    path, out = tmp_path / "panel.jsonl", tmp_path / "out"
    write_panel(path, Panel("broken", tuple(sorted([broken, *games[1:]], key=lambda game: game.id))))
    command = f"--policy walkthrough --panel {path} --out {out}"
    with pytest.raises(SystemExit, match=r"16\.7% of the episodes are errors") as ended:
        run(command)
    assert f"see `error` in {out / 'episodes.partial'}" in str(ended.value)
    assert (out / "episodes.partial").read_text().count('"error": null') == 5
    assert not (out / "episodes.jsonl").exists()
    line = pd.read_csv(out / "table.csv").set_index("row").loc["all"]
    assert line[["won", "lost", "error"]].tolist() == [5, 0, 1]
    assert line.success == 1
    run(f"{command} --max-errors 0.2")
    assert len(asked[0]) == 6
    assert asked[1] == [broken.id]
    assert [record["outcome"] for record in records(out)].count("error") == 1
    assert json.loads((out / "episodes.json").read_text())["faults"]
    assert not (out / "episodes.partial").exists()


def test_a_job_killed_while_it_reports_plays_nothing_again(tmp_path, asked, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(alfworld, "report", killed)
        with pytest.raises(KeyboardInterrupt):
            run(f"{BY_HAND} {tmp_path}")
    run(f"{BY_HAND} {tmp_path}")
    assert [len(games) for games in asked] == [6, 0]


def test_a_model_folder_plays_under_a_protocol_of_the_users_wording(folders, tmp_path):
    config = {"name": "verl_agent", "history_length": 1, "later_turn": "{current_observation} : "}
    (tmp_path / "protocol.json").write_text(json.dumps(config))
    run(
        f"--model {folders[0]} --protocol {tmp_path / 'protocol.json'} --max-new-tokens 4 --repeats 2 "
        f"--generated tiny --per-type 1 --grammar terse --max-steps 2 --out {tmp_path}"
    )
    manifest = json.loads((tmp_path / "episodes.json").read_text())
    assert manifest["model"] == models.fingerprint(folders[0])
    assert manifest["spec"]["protocol"]["later_turn"] == config["later_turn"]
    assert manifest["rules"]["grammar_md5"] != "468c80f18e11a832edf35a8e1fb77d8d"
    found = records(tmp_path)
    assert [record["sample"] for record in found] == [0] * 6 + [1] * 6
    assert all(record["protocol"] == "verl_agent avg@2" for record in found)
    assert all(record["opening"].startswith("room: ") for record in found)
    assert all(record["outcome"] == "lost" and record["steps"] == 2 for record in found)


def test_missing_games_are_an_error_before_the_model_is_loaded(tmp_path, monkeypatch):
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    with pytest.raises(SystemExit, match="alfworld-download"):
        run(f"--model {tmp_path / 'no model'.replace(' ', '_')} --out {tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_no_games_of_a_type_are_not_taken_for_the_default(tmp_path):
    with pytest.raises(SystemExit, match="write one or more games per type"):
        run(f"--policy expert --generated tiny --per-type 0 --out {tmp_path / 'out'}")


def test_a_policy_that_cannot_play_a_game_says_so_before_the_engine_starts(tmp_path):
    game = replace(generate("tiny", 1, 0, "train")[0], witness=None)
    write_panel(tmp_path / "panel.jsonl", Panel("untold", (game,)))
    with pytest.raises(SystemExit, match="no witness plan"):
        run(f"--policy walkthrough --panel {tmp_path / 'panel.jsonl'} --out {tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_examples_of_won_training_games(whole, tmp_path):
    with pytest.raises(SystemExit):
        run(f"--model M --protocol react --examples {whole} --out {tmp_path}")
    run(f"--policy expert --generated tiny --per-type 1 --panel train --out {tmp_path}")
    spec = arguments(None, f"--model M --protocol react --examples {tmp_path} --out O".split())[0]
    assert len(spec.protocol.examples) == 6
    assert PlaySpec.model_validate_json(spec.model_dump_json()) == spec


def test_options_and_spec_say_the_same():
    command = "--model M --temperature 0 --max-steps 30 --stock --out O"
    by_hand = arguments(None, command.split())[0]
    assert by_hand.protocol_name == "verl_agent greedy"
    assert (by_hand.max_steps, by_hand.accelerated, by_hand.games) == (30, False, None)
    text = by_hand.model_dump_json()
    assert arguments(None, ["--model", "M", "--spec", text, "--out", "O"])[0] == by_hand


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "a model needs a protocol"),
        ("--model M --policy expert", "a policy reads no prompts"),
        ("--policy expert --repeats 2", "repeat themselves"),
        ("--model M --temperature 0 --repeats 2", "repeat themselves"),
        ("--model M --temperature 0 --top-p 0.9", "greedy"),
        ("--model M --protocol no-such-file", "no-such-file"),
        ("--model M --protocol {", "property name"),
        ('--model M --protocol {"name":"verl"}', "verl_agent"),
        ("--policy expert --games A --generated tiny", "two sources"),
        ("--model M --examples E", "--protocol react"),
        ("--policy expert --panel FILE --generated small", "leave out games, generated and per_type"),
        ("--policy expert --panel FILE --games A", "leave out games, generated and per_type"),
        ("--policy expert --panel FILE --per-type 2", "leave out games, generated and per_type"),
        ('--spec {"panel":"FILE","games":"A","policy":"expert"}', "leave out games, generated and per_type"),
        ("--policy expert --games A --seed 7", "--seed is that of --generated games"),
        ("--policy expert --panel FILE --seed 7", "--seed is that of --generated games"),
        ("--policy expert --per-type 0", "greater than or equal to 1"),
        ('--spec {"panel":"train","policy":"expert"} --max-steps 3', "leave out the options"),
        ('--model M --spec {"panel":"train","policy":"expert"}', "say who plays"),
    ],
)
def test_contradictions_are_explained(command, message, capsys):
    with pytest.raises(SystemExit):
        arguments(None, [*command.split(), "--out", "O"])
    assert message in capsys.readouterr().err


def test_loads_no_torch_until_a_model_plays():
    code = "import sys, eval.alfworld; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif("ALFWORLD_DATA" not in os.environ, reason="needs ALFWorld's games in $ALFWORLD_DATA")
def test_expert_on_real_games(tmp_path):
    run(f"--policy expert --panel valid_seen --per-type 1 --out {tmp_path}")
    line = pd.read_csv(tmp_path / "table.csv").set_index("row").loc["all"]
    assert line.error == 0
    assert line.won >= 5
