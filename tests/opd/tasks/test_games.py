"""Multi-turn rollouts on the real engine: what becomes a row, and what carries loss."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from envs.alfworld import rules
from envs.alfworld.generator import generate
from envs.alfworld.panel import make_panel, read_panel, write_panel
from envs.alfworld.play import Episode, Move, Played, Situation
from envs.alfworld.protocols import Action, Compact, History
from envs.alfworld.vector import Turn
from opd import models
from opd.rollout.torch_engine import TorchEngine
from opd.spec import GamesSpec, RolloutSpec
from opd.supervised.losses import cross_entropy
from opd.tasks.games import Games, experience

ROLLOUT = RolloutSpec(
    prompts=2, samples_per_prompt=2, minibatch_size=4, temperature=1.0, top_p=1.0, max_new_tokens=4
)
MAX_STEPS = 3


@pytest.fixture(scope="module")
def spec(tmp_path_factory) -> GamesSpec:
    path = tmp_path_factory.mktemp("panel") / "tiny.jsonl"
    write_panel(path, make_panel("tiny", generate("tiny", 1, 0, "train")))
    return GamesSpec(panel=str(path), protocol=Compact(), max_steps=MAX_STEPS)


@pytest.fixture(scope="module")
def games(spec):
    task = Games(spec, ROLLOUT)
    yield task
    task.close()


@pytest.fixture(scope="module")
def loaded(folders):
    return models.load(folders[0]), models.load_tokenizer(folders[0])


@pytest.fixture(scope="module")
def engine(loaded):
    return TorchEngine(*loaded, batch_size=4)


@pytest.fixture(scope="module")
def collected(games, engine):
    return games.collect(engine, seed=0, draw=0)


def texts(tokenizer, batch, marked) -> list[str]:
    return [tokenizer.decode(row[mask]) for row, mask in zip(batch.tokens, marked, strict=True)]


def test_every_turn_is_a_row_with_its_own_prompt(collected, loaded):
    _, tokenizer = loaded
    assert collected.episode.tolist() == [number for number in range(4) for _ in range(MAX_STEPS)]
    assert collected.turn.tolist() == list(range(MAX_STEPS)) * 4
    batch = collected.batch
    prompts = texts(tokenizer, batch, batch.attention & ~batch.generated)
    assert all(prompt.count("goal:") == 1 for prompt in prompts)
    first, second = prompts[0], prompts[1]
    assert "failed:" not in first
    assert "failed:" in second  # an untrained model says nothing that the engine understands


def test_samples_of_a_game_share_a_group_and_its_first_situation(collected):
    assert collected.group.tolist() == [0] * 2 * MAX_STEPS + [1] * 2 * MAX_STEPS
    opening = collected.state[collected.turn == 0].tolist()
    assert opening[0] == opening[1] != opening[2] == opening[3]


def test_only_what_the_student_wrote_carries_loss(collected, loaded):
    """The gradient is that of the responses alone: a hand-made batch of one row gives the same."""
    model, _ = loaded
    batch = collected.batch
    assert batch.lengths.max() <= ROLLOUT.max_new_tokens
    inputs = {"attention_mask": batch.attention.long(), "position_ids": batch.positions}
    log_p = model(input_ids=batch.tokens, **inputs).logits[:, :-1].log_softmax(-1)
    chosen = log_p.gather(-1, batch.tokens[:, 1:, None])[..., 0]
    written = torch.zeros_like(batch.generated)
    for row, count in enumerate(batch.lengths):  # the response is what ends the row
        end = int(batch.attention[row].nonzero()[-1]) + 1
        written[row, end - int(count) : end] = True
    expected = -chosen[written[:, 1:]].mean()
    torch.testing.assert_close(cross_entropy(model, batch), expected)


def test_experience_is_a_function_of_seed_and_draw(games, engine, collected):
    again = games.collect(engine, seed=0, draw=0)
    assert torch.equal(again.batch.tokens, collected.batch.tokens)
    other = games.collect(engine, seed=0, draw=1)
    assert not torch.equal(other.batch.sampled, collected.batch.sampled)


def test_draws_play_games_of_their_own(games, engine, monkeypatch):
    """Two of six games a draw: that three draws are of the same two has a chance of 1 in 225."""
    asked, episodes = [], Games._episodes
    monkeypatch.setattr(
        Games, "_episodes", lambda task, games, run: asked.append(games) or episodes(task, games[:1], run)
    )
    for draw in range(3):
        games.collect(engine, seed=0, draw=draw)
    drawn = [{game.id for game in some} for some in asked]
    assert [len(some) for some in drawn] == [2, 2, 2]
    assert len(set(map(frozenset, drawn))) > 1


def test_it_states_its_panel_and_the_rules_of_its_engine(games, spec):
    panel, engine = read_panel(Path(spec.panel)).statement(), rules.statement()
    assert games.describe() == {**engine, **panel}
    assert not panel.keys() & engine.keys()


def test_a_panel_with_too_few_games_is_refused(spec):
    with pytest.raises(ValueError, match="has 6 games, a step plays 7; lower"):
        Games(spec, ROLLOUT.model_copy(update={"prompts": 7}))


def test_a_missing_panel_is_refused_before_the_engine_starts(spec):
    with pytest.raises(FileNotFoundError):
        Games(spec.model_copy(update={"panel": "nowhere.jsonl"}), ROLLOUT)


def played(game: str, outcomes: str, won: bool) -> Played:
    """An episode with a turn per letter: o offered, n not offered, x no command, t a thought."""
    panel = make_panel("tiny", generate("tiny", 1, 0, "train"))
    episode = Episode("tiny", replace(panel.games[0], id=game), 0, "run")
    history = History("type", "opening", ("look",))
    moves = {
        "o": Move(Action("look", True), "look", "p", (5, 6), (7, 2), (-0.5, -1.0)),
        "n": Move(
            Action("go to bed 1", True), "go to bed 1", "p", (5,), (8, 9, 2), (-2.0, -3.0, -4.0), cut_off=True
        ),
        "t": Move(Action("think: hm", True, thought=True), "think: hm", "p", (5,), (2,), (-1.0,)),
        "x": Move(Action("mumble", False), "mumble", "p", (5, 6, 4), (3, 2), (-5.0, -6.0)),
    }
    end = Turn("", (), won, True, len(outcomes))
    return Played(
        Situation(episode, end, history),
        tuple(moves[letter] for letter in outcomes),
        tuple(
            history if t == 0 else history.then("look", f"seen {t}", ("look",)) for t in range(len(outcomes))
        ),
    )


def test_rewards_states_and_metrics_of_played_episodes():
    both = [played("a", "ono", won=True), played("a", "ox", won=False), played("b", "x", won=False)]
    found = experience(both, asked=4, pad_id=0)
    assert found.reward.tolist() == [0, 0, 1, 0, 0, 0]
    assert found.group.tolist() == [0, 0, 0, 0, 0, 1]
    assert found.episode.tolist() == [0, 0, 0, 1, 1, 2]
    assert found.state.tolist() == [0, 1, 2, 0, 1, 3]
    assert found.valid.tolist() == [True, True, True, True, False, False]
    assert found.finished.tolist() == [True, False, True, True, True, True]
    assert found.batch.sampled.tolist() == [7, 2, 8, 9, 2, 7, 2, 7, 2, 3, 2, 3, 2]
    assert found.rollout_log_prob.tolist() == [-0.5, -1, -2, -3, -4, -0.5, -1, -0.5, -1, -5, -6, -5, -6]
    assert found.metrics == {
        "episode_success": 1 / 3,
        "turns": 2,
        "invalid_format": pytest.approx(2 / 6),
        "inadmissible": pytest.approx(3 / 6),
        "episode_errors": 0.25,
    }


def test_a_thought_is_no_command_that_was_not_offered():
    found = experience([played("a", "ttno", won=True), played("b", "t", won=False)], asked=2, pad_id=0)
    assert found.metrics["inadmissible"] == 1 / 2
    assert experience([played("a", "t", won=False)], asked=1, pad_id=0).metrics["inadmissible"] == 0


def test_sorting_moves_everything_together():
    found = experience([played("a", "ono", won=True)], 1, 0).shortest_first()
    assert found.batch.attention.sum(-1).tolist() == [4, 4, 4]
    longer = experience([played("a", "xno", won=True)], 1, 0).shortest_first()
    assert longer.turn.tolist() == [1, 2, 0]
    assert longer.reward.tolist() == [0, 1, 0]
    assert longer.batch.sampled.tolist() == [8, 9, 2, 7, 2, 3, 2]
    assert longer.rollout_log_prob.tolist() == [-2, -3, -4, -0.5, -1, -5, -6]
