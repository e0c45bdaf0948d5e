"""Episodes as lines of the long table, every count worked out by hand; and one folder of the real engine."""

import math

import pandas as pd
import pytest

from eval.alfworld import columns, long_table
from eval.alfworld.__main__ import main
from eval.alfworld.options import arguments
from programs.errors import UserError
from tests.eval.alfworld.study import episode, turn, write_folder

RECORDS = [
    episode("generated-tiny-0/a", 0, "won", [turn(3), turn(5, admissible=None), turn(1)]),
    episode("generated-tiny-0/b", 0, "error", []),
    episode("generated-tiny-0/b#2", 0, "lost", [turn(8, valid=False, admissible=False)]),
    episode("generated-tiny-0/a", 1, "error", [turn(11)]),
    episode("generated-tiny-0/b", 1, "error", []),
    episode("generated-tiny-0/b#2", 1, "lost", [turn(2)]),
]


def test_one_line_per_game_with_its_outcomes_and_turns(tmp_path):
    folder = tmp_path / "episodes"
    write_folder(folder, RECORDS)
    lines = {
        line["problem"].removeprefix("generated-tiny-0/"): line for line in long_table.lines("unseen", folder)
    }
    assert list(lines) == ["a", "b", "b#2"]
    counts = ("samples", "correct", "wrong", "truncated", "ungraded", "strict", "lenient")
    assert [lines["a"][name] for name in counts] == [2, 1, 0, 0, 1, 1, 1]
    assert [lines["b"][name] for name in counts] == [2, 0, 0, 0, 2, 0, 0]
    assert [lines["b#2"][name] for name in counts] == [2, 0, 2, 0, 0, 0, 0]
    assert lines["a"]["mean_tokens"] == (3 + 5 + 1 + 11) / 4
    assert math.isnan(lines["b"]["mean_tokens"])
    turns = ("turns", "commands", "invalid_format", "inadmissible")
    assert [lines["a"][name] for name in turns] == [4, 3, 0, 0]
    assert [lines["b#2"][name] for name in turns] == [2, 2, 1, 1]
    for line in lines.values():
        assert (line["suite"], line["protocol"]) == ("unseen", "compact avg@2")
        assert (line["suite_version"], line["suite_status"]) == ("0123456789ab", "generated")
        assert line["conditions"] == (
            "protocol compact avg@2, 2 episode(s) per game, at most 20 steps, standard wording, "
            "temperature 1, top-p 0.9, at most 8 tokens per turn"
        )


@pytest.mark.parametrize(
    ("changed", "ours"), [({}, True), ({"first_turn": "{current_observation}", "later_turn": "now"}, False)]
)
def test_the_table_says_whose_wording_the_prompts_have(changed, ours, tmp_path):
    write_folder(tmp_path / "episodes", RECORDS, protocol={"name": "verl_agent", **changed})
    lines = [{"row": "r"} | line for line in long_table.lines("unseen", tmp_path / "episodes")]
    text = columns.describe(pd.DataFrame(lines), "unseen")
    assert ("prompts in this project's words" in text) is ours
    assert ("not verl-agent's own" in text) is ours
    assert ("first_turn and later_turn" in text) is ours


@pytest.mark.parametrize(
    ("official", "game", "status"),
    [
        (True, "pick/1", "official"),
        (False, "pick/1", "unverified"),
        (False, "generated-tiny-0/1", "generated"),
    ],
)
def test_status_says_whose_games_they_are(official, game, status, tmp_path):
    write_folder(tmp_path / "episodes", [episode(game, sample, "won", []) for sample in (0, 1)], official)
    (line,) = long_table.lines("unseen", tmp_path / "episodes")
    assert line["suite_status"] == status


def test_an_episode_too_few_or_too_many_is_refused(tmp_path):
    write_folder(tmp_path / "few", RECORDS[:-1])
    write_folder(tmp_path / "many", [*RECORDS, RECORDS[-1]])
    for name in ("few", "many"):
        with pytest.raises(UserError, match=r"does not hold 2 episode\(s\) of every game"):
            long_table.lines("unseen", tmp_path / name)


def test_models_must_have_played_the_same_games_alike(tmp_path):
    one, same = (write_folder(tmp_path / name, RECORDS) for name in ("one", "same"))
    longer = write_folder(tmp_path / "longer", RECORDS, max_steps=50)
    other = write_folder(tmp_path / "other", RECORDS[::3])
    long_table.refuse_unlike([{"unseen": one}, {"unseen": same}])
    long_table.refuse_unlike([{"unseen": one, "seen": longer}])
    for folder in (longer, other):
        with pytest.raises(UserError, match="not the same games of unseen, played alike"):
            long_table.refuse_unlike([{"unseen": one}, {"unseen": same}, {"unseen": folder}])


def test_a_folder_without_episodes_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere holds no episodes"):
        long_table.refuse_unlike([{"unseen": str(tmp_path / "nowhere")}])


def test_what_the_real_program_writes_can_be_read(tmp_path):
    command = "--policy walkthrough --generated tiny --per-type 1 --seed 3 --panel valid_unseen --processes 1"
    main(*arguments(None, [*command.split(), "--max-steps", "7", "--out", str(tmp_path)]))
    lines = long_table.lines("unseen", tmp_path)
    assert len(lines) == 6
    assert sum(line["correct"] + line["wrong"] for line in lines) == 6
    for line in lines:
        assert line["turns"] == 7 if line["wrong"] else 0 < line["turns"] <= 7
        assert line["conditions"] == (
            "protocol policy walkthrough, 1 episode(s) per game, at most 7 steps, standard wording"
        )
