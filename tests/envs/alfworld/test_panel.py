"""Panels: which games, in which order, and the paper's draw."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from envs.alfworld.game import TASK_TYPES, Game, Parameters
from envs.alfworld.generator.generate import generate
from envs.alfworld.panel import (
    OFFICIAL,
    Panel,
    checksum,
    drawn_id,
    legacy_128,
    main,
    make_panel,
    read_panel,
    write_panel,
)
from envs.alfworld.sources import load_games
from programs.errors import UserError

GAMES = generate("tiny", 3, 0, "valid_seen")
SEEN = [
    Game(f"game-{number:03d}", "valid_seen", TASK_TYPES[number % 6], "goal", "problem", Parameters("Mug"))
    for number in range(140)
]


def test_a_panel_is_sorted_whatever_the_order_of_its_games() -> None:
    panel = make_panel("seen", GAMES)
    assert [game.id for game in panel.games] == sorted(game.id for game in GAMES)
    assert make_panel("other name", GAMES[::-1]).sha256 == panel.sha256
    assert panel.counts == dict.fromkeys(TASK_TYPES, 3)
    changed = [replace(GAMES[0], problem=GAMES[0].problem + " "), *GAMES[1:]]
    assert make_panel("seen", changed).sha256 != panel.sha256


def test_the_first_games_of_each_type() -> None:
    panel = make_panel("seen", GAMES, per_type=2)
    assert panel.counts == dict.fromkeys(TASK_TYPES, 2)
    assert {game.id[-5:] for game in panel.games} == {"00000", "00001"}
    with pytest.raises(UserError, match="fewer than 4 games of pick_and_place_simple"):
        make_panel("seen", GAMES, per_type=4)
    with pytest.raises(UserError, match="at least 1, not -1"):
        make_panel("seen", GAMES, per_type=-1)


def test_a_panel_refuses_disorder_and_emptiness() -> None:
    for games in ((), (GAMES[0], GAMES[0]), tuple(sorted(GAMES, key=lambda game: game.id))[::-1]):
        with pytest.raises(ValueError, match="must be sorted"):
            Panel("seen", games)


@pytest.mark.parametrize("name", ["panel.jsonl", "panel.jsonl.xz"])
def test_a_panel_comes_back_as_it_went(tmp_path: Path, name: str) -> None:
    panel = make_panel("seen", GAMES)
    write_panel(tmp_path / name, panel)
    assert read_panel(tmp_path / name) == panel
    first = (tmp_path / name).read_bytes()
    write_panel(tmp_path / name, panel)
    assert (tmp_path / name).read_bytes() == first


def test_a_panel_that_was_touched_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "panel.jsonl"
    write_panel(path, make_panel("seen", GAMES))
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(UserError, match="states other games than it holds"):
        read_panel(path)
    path.write_text("\n".join(lines[1:]) + "\n")
    with pytest.raises(UserError, match="is not a panel"):
        read_panel(path)
    path.write_text('{"panel": "seen"}\n' + "\n".join(lines[1:]) + "\n")
    with pytest.raises(UserError, match="states other games than it holds"):
        read_panel(path)
    path.write_text(json.dumps({"panel": "seen", "sha256": checksum([])}) + "\n")
    with pytest.raises(UserError, match=r"panel\.jsonl: panel seen: the games must be sorted"):
        read_panel(path)
    path.write_text("\n".join([lines[0], lines[1][:-1]]) + "\n")
    with pytest.raises(UserError, match="line 2: not a game"):
        read_panel(path)


@pytest.mark.parametrize("content", [b"", b"id,goal\n", b"[1]\n"])
def test_other_files_are_no_panels(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(UserError, match="is not a panel"):
        read_panel(tmp_path / "other")


def _first_draws(validation: int) -> Counter[int]:
    """The paper's draw as its code makes it: textworld's seed() and endless cycle, written out."""
    draws: Counter[int] = Counter()
    for worker in range(128):
        generator = np.random.RandomState(1000 + worker)
        games = list(range(140))
        generator.shuffle(games)
        draws[games[validation]] += 1
    return draws


@pytest.mark.parametrize(("validation", "distinct"), [(0, 91), (1, 84), (2, 79)])
def test_the_papers_draw(validation: int, distinct: int) -> None:
    panel = legacy_128(SEEN[::-1], validation=validation)
    assert len(panel.games) == 128
    drawn = Counter(int(drawn_id(game.id)[-3:]) for game in panel.games)
    assert len(drawn) == distinct
    assert drawn == _first_draws(validation)
    assert panel.name == f"legacy_128 (seed 0, validation {validation})"
    assert legacy_128(SEEN, seed=1).games != legacy_128(SEEN, seed=0).games


def test_after_every_game_was_given_out_the_order_changes() -> None:
    few = SEEN[:3]
    cycles = [[legacy_128(few, validation=n) for n in range(first, first + 3)] for first in (0, 3)]
    totals = [Counter(drawn_id(game.id) for panel in cycle for game in panel.games) for cycle in cycles]
    assert totals == [dict.fromkeys((game.id for game in few), 128)] * 2
    assert cycles[0] != cycles[1]


def test_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "panel.jsonl.xz"
    main(["--source", "generated:tiny:2:0", "--split", "valid_unseen", "--out", str(out)])
    panel = read_panel(out)
    assert panel.games == make_panel("valid_unseen", generate("tiny", 2, 0, "valid_unseen")).games
    stated = json.loads(capsys.readouterr().out)
    assert (stated["games"], stated["official"], stated["sha256"]) == (12, False, panel.sha256)
    with pytest.raises(FileNotFoundError, match="were not found"):
        main(["--source", str(tmp_path / "nothing"), "--split", "valid_unseen", "--out", str(out)])


@pytest.mark.parametrize("option", ["--per-type 2", "--name mine", "--split train"])
def test_the_papers_draw_is_one_panel(tmp_path: Path, option: str) -> None:
    command = f"--source generated:tiny:2:0 --split valid_seen --legacy-128 --out {tmp_path / 'panel.jsonl'}"
    with pytest.raises(UserError, match="leave out --per-type and --name"):
        main([*command.split(), *option.split()])


@pytest.mark.parametrize("option", ["--seed 1", "--validation 0"])
def test_only_the_papers_draw_is_drawn(tmp_path: Path, option: str) -> None:
    command = f"--source generated:tiny:2:0 --split valid_seen --out {tmp_path / 'panel.jsonl'}"
    with pytest.raises(UserError, match="are of --legacy-128"):
        main([*command.split(), *option.split()])
    with pytest.raises(UserError, match="count from 0: 0, -1"):
        main([*command.split(), "--legacy-128", "--validation", "-1"])


def test_the_official_splits() -> None:
    for split, count in (("train", 3553), ("valid_seen", 140), ("valid_unseen", 134)):
        try:
            games = load_games(None, split)
        except FileNotFoundError as error:
            pytest.skip(f"no real games: {str(error).splitlines()[0]}")
        panel = make_panel(split, games)
        assert len(panel.games) == count
        assert panel.sha256 == OFFICIAL[split]
        assert panel.statement()["official"]
