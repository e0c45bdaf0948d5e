"""Playing episodes on the real engine: tiny generated games, policies and a small model."""

import hashlib
import json
from dataclasses import replace

import pytest

from envs.alfworld.generator import generate
from envs.alfworld.panel import Panel, make_panel
from envs.alfworld.play import Move, episodes, play
from envs.alfworld.policies import POLICIES
from envs.alfworld.policies.player import PolicyPlayer
from envs.alfworld.protocols import Action, Compact, React, VerlAgent
from envs.alfworld.vector import AlfWorld
from eval.alfworld.react_examples import played, with_examples
from eval.alfworld.records import record
from opd import models
from opd.rollout.game_player import ModelPlayer
from opd.rollout.sampling import seed
from opd.rollout.torch_engine import TorchEngine
from opd.spec import SamplingSpec
from programs.errors import UserError

MAX_STEPS = 12


@pytest.fixture(scope="module")
def panel() -> Panel:
    return make_panel("tiny", generate("tiny", 1, 0, "train"))


@pytest.fixture(scope="module")
def world():
    with AlfWorld(slots=4, processes=2, max_steps=MAX_STEPS) as world:
        yield world


class Says:
    """A player that gives the same response whatever it sees."""

    def __init__(self, response: str, protocol=VerlAgent()) -> None:  # noqa: B008  immutable
        self.response, self.protocol = response, protocol

    def act(self, situations) -> list[Move]:
        parsed = self.protocol.parse(self.response)
        return [Move(parsed, self.response, self.protocol.prompt(each.history)) for each in situations]


def records(world, asked, player, slots=4) -> dict[tuple, dict]:
    ended = (record(each) for each in play(world, slots, asked, player))
    return {(record["problem"], record["sample"]): record for record in ended}


def test_every_episode_is_played_once_and_won_by_the_walkthrough(world, panel):
    found = records(world, episodes(panel, 1, "run"), PolicyPlayer(POLICIES["walkthrough"]))
    assert sorted(found) == [(game.id, 0) for game in panel.games]
    for game in panel.games:
        record = found[game.id, 0]
        assert (record["outcome"], record["error"]) == ("won", None)
        assert tuple(turn["command"] for turn in record["turns"]) == game.witness
        assert all(turn["admissible"] and turn["valid_format"] for turn in record["turns"])
        assert record["steps"] == len(game.witness)
        assert (record["task_type"], record["split"], record["suite"]) == (game.task_type, "train", "tiny")
        assert game.goal in record["opening"]


def test_results_do_not_depend_on_slots_or_order(world, panel):
    asked = episodes(panel, 2, "run")
    player = PolicyPlayer(POLICIES["random"])
    whole = records(world, asked, player)
    assert len(whole) == 12
    assert records(world, asked[::-1], player, slots=1) == whole
    assert records(world, asked[5:], player, slots=3).items() <= whole.items()
    first, second = ([turn["command"] for turn in whole[panel.games[0].id, s]["turns"]] for s in (0, 1))
    assert first != second


def test_streams_are_named_by_run_game_and_sample(panel):
    asked = episodes(panel, 2, "run")
    assert asked[7].key == f"run/{panel.games[1].id}/1"
    assert asked[7].seed == seed(asked[7].key)
    assert len({each.seed for each in asked}) == 12
    assert episodes(panel, 2, "other")[7].seed != asked[7].seed


def test_success_is_the_engines_word_and_a_loss_the_step_limit(world, panel):
    boast = "<think>You won! Task complete.</think><action>look</action> won: True"
    found = records(world, episodes(panel, 1, "run"), Says(boast))
    assert {record["outcome"] for record in found.values()} == {"lost"}
    assert {record["steps"] for record in found.values()} == {MAX_STEPS}


def test_what_is_recorded_of_bad_responses(world, panel):
    (record,) = records(world, episodes(panel, 1, "run")[:1], Says("I would OPEN the Drawer")).values()
    turn = record["turns"][0]
    assert turn["command"] == "i would open the drawer"
    assert (turn["valid_format"], turn["admissible"]) == (False, False)
    assert turn["observation"] == "Nothing happens."
    assert turn["response"] == "I would OPEN the Drawer"


def test_thoughts_cost_a_turn_and_are_no_attempt(world, panel):
    player = Says("think: where is it?", React())
    (record,) = records(world, episodes(panel, 1, "run")[:1], player).values()
    assert record["steps"] == MAX_STEPS
    assert [turn["admissible"] for turn in record["turns"]] == [None] * MAX_STEPS
    assert all(turn["valid_format"] for turn in record["turns"])


def test_an_engine_error_is_an_outcome_of_its_own(world, panel):
    broken = replace(panel.games[2], problem="(define (problem broken)")
    games = tuple(broken if game.id == broken.id else game for game in panel.games)
    asked = episodes(Panel("broken", games), 1, "run")
    found = records(world, asked, PolicyPlayer(POLICIES["walkthrough"]))
    outcomes = {problem: record["outcome"] for (problem, _), record in found.items()}
    assert outcomes.pop(broken.id) == "error"
    assert set(outcomes.values()) == {"won"}
    assert found[broken.id, 0]["error"]
    assert found[broken.id, 0]["turns"] == []
    assert [record["outcome"] for record in records(world, asked[2:3], Says("x")).values()] == ["error"]


def test_records_are_json_and_rebuild_every_prompt(world, panel):
    """The observations and commands of a record give the prompts whose hashes it holds."""
    (record,) = records(world, episodes(panel, 1, "run")[:1], Says("look", Compact())).values()
    history = played(json.loads(json.dumps(record)))
    for index, turn in enumerate(record["turns"]):
        prompt = Compact().prompt(replace(history, exchanges=history.exchanges[:index]))
        assert turn["prompt_sha256"] == hashlib.sha256(prompt.encode()).hexdigest()


def test_a_model_plays(world, panel, folders):
    engine = TorchEngine(models.load(folders[0]), models.load_tokenizer(folders[0]), batch_size=4)
    sampling = SamplingSpec(temperature=1, top_p=1, max_new_tokens=5)
    asked = episodes(make_panel("two", panel.games[:2]), 2, "run")
    found = records(world, asked, ModelPlayer(engine, Compact(), sampling))
    for one in found.values():
        assert one["outcome"] == "lost"  # it only knows sums
        for turn in one["turns"]:
            assert 1 <= turn["tokens"] <= 5
            assert turn["tokens"] == 5 or not turn["cut_off"]
            assert Compact().parse(turn["response"]) == Action(turn["command"], turn["valid_format"])
    assert records(world, asked, ModelPlayer(engine, Compact(), sampling), slots=3) == found
    responses = [turn["response"] for one in found.values() for turn in one["turns"]]
    assert len(set(responses)) > len(responses) / 2


def test_expert_episodes_become_react_examples(world, panel):
    found = records(world, episodes(panel, 1, "run"), PolicyPlayer(POLICIES["expert"]))
    react = with_examples(React(), found.values())
    assert react.examples.keys() == {game.task_type for game in panel.games}
    record = next(iter(found.values()))
    example, *_ = react.examples[record["task_type"]]
    assert example.startswith("You are in the middle of a room.")
    assert example.endswith(record["turns"][-1]["observation"])
    assert example.count("\n> ") == record["steps"]
    assert len(with_examples(React(), [record] * 3).examples[record["task_type"]]) == 2
    with pytest.raises(UserError, match="split train"):
        with_examples(React(), [record | {"split": "valid_seen"}])
    with pytest.raises(UserError, match="none of the episodes was won"):
        with_examples(React(), [record | {"outcome": "lost"}])
