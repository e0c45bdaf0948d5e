"""Where a suite is looked for, what is refused, and what a result states of it."""

import json
from dataclasses import replace

import pytest
from pyarrow import Table, parquet

from eval import suites
from eval.suites.load import SuiteNotFoundError, fetch, load
from eval.suites.suite import Copy, Hub
from programs.errors import UserError
from tests.eval.suites.made_up import ROWS

PROBLEMS = [("What is $1 + 1$?", "2"), ("What is\n$2 + 2$?", "4"), ("How large is the angle?", "336")]


def write(folder, rows=ROWS, name="tiny"):
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def pairs(loaded):
    return [(item.problem, item.answer) for item in loaded.items]


def hub_clone(folder):
    """A folder as a clone of a hub repository is: a card that names configurations, and parquet files."""
    for config, rows in (("I", ROWS[:2]), ("II", ROWS[2:])):
        (folder / config).mkdir(parents=True)
        renamed = [{"question": row["problem"], "answer": row["answer"]} for row in rows]
        parquet.write_table(Table.from_pylist(renamed), folder / config / "test-00000-of-00001.parquet")
    configs = "".join(
        f"- config_name: {name}\n  data_files:\n  - split: test\n    path: {name}/test-*\n"
        for name in ("I", "II")
    )
    (folder / "README.md").write_text(f"---\nlicense: mit\nconfigs:\n{configs}---\n# A card\n")
    return folder


def test_a_folder_in_json_lines(suite, tmp_path):
    loaded = load(suite, write(tmp_path / "data"))
    assert pairs(loaded) == PROBLEMS
    assert loaded.source == str(tmp_path / "data/tiny.jsonl")


def test_other_files_and_names_in_a_folder(suite, tmp_path):
    (tmp_path / "tiny.json").write_text(json.dumps(ROWS))
    assert pairs(load(suite, tmp_path)) == PROBLEMS
    parquet.write_table(Table.from_pylist(ROWS), tmp_path / "other.parquet")
    assert pairs(load(replace(suite, name="new", aliases=("other",)), tmp_path)) == PROBLEMS


def test_a_text_may_hold_any_line_separator(suite, tmp_path):
    rows = [{**ROWS[0], "problem": "one\u2028line\x85here"}, *ROWS[1:]]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "tiny.jsonl").write_text(lines, encoding="utf-8")
    assert load(suite, tmp_path).items[0].problem == "one\u2028line\x85here"


def test_the_folder_comes_before_the_cache_and_the_cache_before_the_hub(suite, tmp_path, monkeypatch):
    suite = replace(suite, hub=Hub(str(hub_clone(tmp_path / "hub")), "test", None, ("I", "II")))
    assert load(suite).source.startswith("hub ")
    fetch(suite)
    assert load(suite).source == str(tmp_path / "cache/tiny.jsonl")
    monkeypatch.setenv("OPD_MATH_DATA", str(write(tmp_path / "data")))
    assert load(suite).source == str(tmp_path / "data/tiny.jsonl")
    assert load(suite, write(tmp_path / "argument")).source == str(tmp_path / "argument/tiny.jsonl")


def test_the_hub_is_read_by_the_datasets_library(suite, tmp_path):
    suite = replace(suite, hub=Hub(str(hub_clone(tmp_path / "hub")), "test", None, ("I", "II")))
    assert pairs(load(suite)) == PROBLEMS
    half = replace(suite, hub=replace(suite.hub, configs=("I",)), counts=(2,))
    assert pairs(load(half)) == PROBLEMS[:2]


def test_a_clone_of_the_hubs_repository_may_lie_in_the_folder(suite, tmp_path):
    hub_clone(tmp_path / "data/tiny")
    suite = replace(suite, hub=replace(suite.hub, configs=("I", "II")))
    assert pairs(load(suite, tmp_path / "data")) == PROBLEMS


def test_a_fetched_suite_is_the_same_suite(known, tmp_path):
    known = replace(known, hub=Hub(str(hub_clone(tmp_path / "hub")), "test", None, ("I", "II")))
    direct = load(known)
    fetch(known)
    cached = load(known)
    assert (cached.items, cached.sha256, cached.status) == (direct.items, direct.sha256, "verified")


def test_the_count_is_enforced(known, tmp_path):
    with pytest.raises(suites.SuiteContentError, match=r"tiny has 3 rows, but .* has 2"):
        load(known, write(tmp_path, ROWS[:2]))
    with pytest.raises(suites.SuiteContentError, match="has 2 rows"):
        fetch(replace(known, counts=(2,), hub=Hub(str(hub_clone(tmp_path / "h")), "test", None, ("I", "II"))))
    assert not (tmp_path / "cache").exists()


def test_a_problem_without_a_gold_is_refused_and_named(suite, tmp_path):
    rows = [*ROWS[:2], {"id": "third", "problem": "What?", "answer": None}]
    with pytest.raises(suites.SuiteContentError, match="no answer for third"):
        load(suite, write(tmp_path, rows))


def test_a_known_copy_is_verified_in_whatever_order_and_spacing(known, tmp_path):
    rows = [{**row, "problem": row["problem"].replace("\n", "  ")} for row in reversed(ROWS)]
    assert load(known, write(tmp_path, rows)).status == "verified"


def test_an_unknown_copy_is_used_as_unverified(known, tmp_path):
    folder = write(tmp_path, [*ROWS[:2], {**ROWS[2], "answer": "335"}])
    loaded = load(known, folder)
    assert loaded.statement() == {
        "suite": "tiny",
        "version": "1",
        "problems": 3,
        "status": "unverified",
        "sha256": loaded.sha256,
        "copy": "not a known copy",
        "source": str(folder / "tiny.jsonl"),
    }
    assert loaded.sha256 != known.copies[0].sha256


def test_a_flawed_copy_is_recognised_but_never_verified(known, tmp_path):
    flawed = replace(known, copies=(Copy(known.copies[0].sha256, "theirs", flaw="two wrong numbers"),))
    assert load(flawed, write(tmp_path)).status == "unverified"


def test_nothing_found_names_the_suite_the_places_and_the_command(suite, tmp_path):
    with pytest.raises(suites.SuiteNotFoundError) as raised:
        load(suite, tmp_path / "empty")
    message = str(raised.value)
    assert message.startswith("tiny was not found.")
    for part in (
        f"folder {tmp_path / 'empty'}",
        f"cache {tmp_path / 'cache'}",
        "hub nobody/tiny [test] @ newest revision",
        "`python -m eval.suites fetch tiny`",
    ):
        assert part in message


def test_a_suite_without_a_hub_is_a_file_at_hand(suite, tmp_path, monkeypatch):
    """The hub is not asked, nor is anyone told to; a clone of nothing cannot be read."""
    own = replace(suite, hub=None)
    assert pairs(load(own, write(tmp_path / "data"))) == PROBLEMS
    monkeypatch.setenv("OPD_CACHE", str(tmp_path))
    with pytest.raises(SuiteNotFoundError) as error:
        load(own, tmp_path / "nowhere")
    assert f"folder {tmp_path}/nowhere, which is no folder" in str(error.value)
    assert "To get it, name a folder that holds tiny.jsonl in OPD_MATH_DATA." in str(error.value)
    (tmp_path / "clone/tiny").mkdir(parents=True)
    with pytest.raises(UserError, match="names no hub that it could be a clone of"):
        load(own, tmp_path / "clone")


def test_training_prompts_come_cleaned_with_the_removed_rows_counted(suite, tmp_path):
    training = replace(suite, role="training", counts=(6,))
    rows = [
        *ROWS,
        {"id": 4, "problem": "What is $1 +  1$?", "answer": "2"},
        {"id": 5, "problem": "What is\n$2 + 2$?", "answer": "5"},
        {"id": 6, "problem": "一加一", "answer": "2"},
    ]
    loaded = load(training, write(tmp_path, rows))
    assert [item.id for item in loaded.items] == ["1", "3"]
    assert loaded.removed == {"duplicate": 2, "conflicting answers": 1, "no answer": 0, "not English": 1}
    assert len(loaded.items) + sum(loaded.removed.values()) == 6
