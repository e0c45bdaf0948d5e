"""Games from rows, from trees, from nowhere; and that alfworld's own loader takes what is exported."""

import json
import lzma
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from envs.alfworld import convert, rules, tree
from envs.alfworld.generator.generate import generate
from envs.alfworld.rows import read_rows, write_rows
from envs.alfworld.sources import load_games, pool
from envs.alfworld.tree import read_tree, write_tree
from programs.errors import UserError

GAMES = sorted(generate("tiny", 1, 0, "valid_seen"), key=lambda game: game.id)
REAL = [replace(game, size="real", witness=None) for game in GAMES]


def _official_row(game, **changes):
    """The row of a game as ALFWorld's own files have it."""
    task, trial = game.id.rsplit("/", 1)
    target = game.parameters
    return {
        "split": game.split,
        "task": task,
        "trial": trial,
        "task_type": game.task_type,
        "pddl_params": {
            "object_target": target.object_target,
            "parent_target": target.parent_target,
            "toggle_target": target.toggle_target,
            "mrecep_target": "",
            "object_sliced": False,
        },
        "goal": game.goal,
        "solvable": True,
        "pddl_problem": game.problem,
    } | changes


@pytest.mark.parametrize("name", ["games.jsonl", "games.jsonl.xz"])
def test_rows_come_back_as_they_went(tmp_path: Path, name: str) -> None:
    write_rows(tmp_path / "in" / name, GAMES)
    assert list(read_rows(tmp_path / "in" / name)) == GAMES
    assert load_games(tmp_path / "in" / name, "valid_seen") == GAMES
    assert load_games(str(tmp_path / "in"), "valid_seen") == GAMES


def test_official_rows_without_the_unsolvable(tmp_path: Path) -> None:
    lines = [_official_row(game) for game in REAL] + [_official_row(REAL[0], trial="x", solvable=False)]
    path = tmp_path / "eval.jsonl.xz"
    path.write_bytes(lzma.compress("".join(json.dumps(line) + "\n" for line in reversed(lines)).encode()))
    assert load_games(path, "valid_seen") == REAL


def test_a_tree_comes_back_as_it_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, GAMES)
    assert list(read_tree(tmp_path, "valid_seen")) == REAL
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    assert load_games(None, "valid_seen") == REAL


def test_of_a_tree_only_what_alfworld_plays(tmp_path: Path) -> None:
    ids = ["kept", "movable", "AppleSliced", "other_type", "unsolvable", "no_game"]
    write_tree(tmp_path, [replace(game, id=id) for game, id in zip(GAMES, ids, strict=True)])
    folder = tmp_path / tree.VERSION / "valid_seen"
    (folder / "other_type" / "traj_data.json").write_text(json.dumps({"task_type": "pick_up_and_run"}))
    played = json.loads((folder / "unsolvable" / "game.tw-pddl").read_text())
    (folder / "unsolvable" / "game.tw-pddl").write_text(json.dumps(played | {"solvable": False}))
    (folder / "no_game" / "game.tw-pddl").unlink()
    assert [game.id for game in load_games(tmp_path, "valid_seen")] == ["kept"]


def test_sources_that_share_games_have_pools_that_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(GAMES) <= set(generate("tiny", 2, 0, "valid_seen"))
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    assert pool("generated:tiny:1:0") == pool("generated:tiny:2:0") == {("tiny", 0)}
    for other in ("generated:small:1:0", "generated:tiny:1:1", None, str(tmp_path)):
        assert pool("generated:tiny:1:0").isdisjoint(pool(other))
    assert pool(None) == {None}
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    write_rows(tmp_path / "in" / "games.jsonl", GAMES)
    (tmp_path / "link").symlink_to("in")
    assert pool(None) == pool(f"{tmp_path}/in/..")
    assert pool(str(tmp_path / "link")) == pool(str(tmp_path / "in"))
    assert pool(str(tmp_path / "in")) & pool(str(tmp_path / "in" / "games.jsonl"))
    assert pool(None).isdisjoint(pool(str(tmp_path / "in")))


def test_generated_games_only_if_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_games("generated:tiny:1:0", "valid_seen") == GAMES
    for source in ("generated:tiny", "generated:tiny:0:0", "generated:huge:1:0", "generatd:tiny:1:1"):
        with pytest.raises(UserError, match=f"'{source}' is neither there nor generated:SIZE:PER_TYPE:SEED"):
            load_games(source, "valid_seen")
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="no source is named and \\$ALFWORLD_DATA is not set"):
        load_games(None, "valid_seen")


def test_a_path_may_have_a_colon(tmp_path: Path) -> None:
    write_rows(tmp_path / "generatd:1.jsonl", GAMES)
    assert load_games(str(tmp_path / "generatd:1.jsonl"), "valid_seen") == GAMES


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.touch()])
def test_missing_data_says_what_to_do_at_once(tmp_path: Path, make, monkeypatch) -> None:
    path = tmp_path / "data"
    make(path)
    monkeypatch.setenv("ALFWORLD_DATA", str(path))
    for source in (path, None):
        with pytest.raises(FileNotFoundError) as error:
            load_games(source, "train")
        for advice in (str(path), "alfworld-download", "envs.alfworld.convert", "generated:small:10:0"):
            assert advice in str(error.value)


def test_broken_files_are_named(tmp_path: Path) -> None:
    write_rows(tmp_path / "good.jsonl", GAMES)
    text = (tmp_path / "good.jsonl").read_text()
    (tmp_path / "cut.jsonl").write_text(text[:-100])
    (tmp_path / "cut.jsonl.xz").write_bytes(lzma.compress(text.encode())[:-100])
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe")
    (tmp_path / "other.jsonl").write_text('{"question": "1+1"}\n')
    (tmp_path / "list.jsonl").write_text(text.splitlines()[0] + "\n[1]\n")
    (tmp_path / "typed.jsonl").write_text(text.replace(GAMES[0].task_type, "juggle"))
    write_rows(tmp_path / "twice.jsonl", GAMES + GAMES[:1])
    for name, message in (
        ("cut.jsonl", "line 6: not a game"),
        ("cut.jsonl.xz", "cut.jsonl.xz"),
        ("binary.jsonl", "binary.jsonl: 'utf-8'"),
        ("other.jsonl", "line 1: not a game"),
        ("list.jsonl", r"line 2: not a game .*no JSON object"),
        ("typed.jsonl", r"line 1: not a game .*unknown task_type 'juggle'"),
        ("twice.jsonl", f"two games are called {GAMES[0].id}"),
    ):
        with pytest.raises(UserError, match=message):
            load_games(tmp_path / name, "valid_seen")
    write_tree(tmp_path, GAMES)
    for broken in ('{"solvable": tr', "[1]", '{"solvable": true, "grammar": 1}'):
        (tmp_path / tree.VERSION / "valid_seen" / GAMES[2].id / "traj_data.json").write_text(broken)
        with pytest.raises(UserError, match=GAMES[2].id):
            load_games(tmp_path, "valid_seen")


def test_unknown_split() -> None:
    with pytest.raises(UserError, match="unknown split 'test'; known: train, valid_seen, valid_unseen"):
        load_games("generated:tiny:1:0", "test")


def test_the_rules_are_those_of_alfworld_0_4(tmp_path: Path) -> None:
    statement = rules.statement()
    assert statement["alfworld"] == "0.4.2"
    assert statement["domain_md5"] == "8dce276defba646f48ea00dc0c5202e7"
    assert statement["grammar_md5"] == "468c80f18e11a832edf35a8e1fb77d8d"


def test_the_program_converts_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(tmp_path / "games.jsonl", GAMES)
    convert.main([str(tmp_path / "games.jsonl"), str(tmp_path / "tree"), "--splits", "valid_seen"])
    convert.main([str(tmp_path / "tree"), str(tmp_path / "packed.jsonl.xz"), "--splits", "valid_seen"])
    assert list(read_rows(tmp_path / "packed.jsonl.xz")) == REAL
    assert "6 games in" in capsys.readouterr().out


# What a user of alfworld does, in a process of its own: the engine's import changes global state.
_STOCK = """
import json, os, sys
from envs.alfworld import stand_in
from alfworld.agents.environment import get_environment
root = os.environ["ALFWORLD_DATA"]
config = {
    "dataset": {"eval_id_data_path": root + "/json_2.1.1/valid_seen", "num_eval_games": -1},
    "env": {"goal_desc_human_anns_prob": 0, "task_types": [1, 2, 3, 4, 5, 6], "domain_randomization": False,
            "expert_type": "handcoded"},
    "general": {"training_method": "dqn"},
    "rl": {"training": {"max_nb_steps_per_episode": 50}},
}
stock = get_environment("AlfredTWEnv")(config, train_eval="eval_in_distribution")
env = stock.init_env(batch_size=1)
for _ in range(stock.num_games):
    observations, infos = env.reset()
    path = infos["extra.gamefile"][0]
    for command in json.load(open(path))["walkthrough"]:
        _, _, _, infos = env.step([command])
    print("result", json.dumps([path, observations[0], infos["won"][0]]))
"""


@pytest.mark.slow
def test_alfworld_itself_loads_and_wins_what_is_exported(tmp_path: Path) -> None:
    write_tree(tmp_path, GAMES)
    done = subprocess.run(
        [sys.executable, "-c", _STOCK],
        env={"ALFWORLD_DATA": str(tmp_path), "PATH": "/usr/bin", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("result ")]
    results = {Path(path): (text, won) for path, text, won in map(json.loads, (line[7:] for line in lines))}
    folder = tmp_path / tree.VERSION / "valid_seen"
    assert results.keys() == {folder / game.id / "game.tw-pddl" for game in GAMES}
    for game in GAMES:
        text, won = results[folder / game.id / "game.tw-pddl"]
        assert won
        assert text.endswith(f"Your task is to: {game.goal}.")
