"""Games of ALFWorld: every turn is a prompt of its own, with a response of its own.

Nothing that the engine says is ever part of a response, so only what the student wrote carries loss.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import torch

from envs.alfworld import rules
from envs.alfworld.game import Game
from envs.alfworld.panel import read_panel
from envs.alfworld.play import Episode, Played, play
from envs.alfworld.vector import AlfWorld
from opd.batch import from_pairs
from opd.experience import Experience, joined, numbers
from opd.models import padding_id
from opd.rollout.engine import Engine
from opd.rollout.game_player import ModelPlayer
from opd.spec import GamesSpec, RolloutSpec
from programs.errors import UserError


class Games:
    """`rollout.prompts` games of a panel a step, each played `rollout.samples_per_prompt` times."""

    def __init__(self, games: GamesSpec, rollout: RolloutSpec) -> None:
        """Read the panel and start the engine. UserError if the panel has too few games."""
        self._spec, self._rollout, self._panel = games, rollout, read_panel(Path(games.panel))
        if len(self._panel.games) < rollout.prompts:
            raise UserError(
                f"{games.panel} has {len(self._panel.games)} games, a step plays {rollout.prompts}; "
                f"lower rollout.prompts or name a larger panel"
            )
        self._slots = rollout.prompts * rollout.samples_per_prompt
        self._world = AlfWorld(self._slots, games.processes, games.max_steps).start()

    def collect(self, engine: Engine, seed: int, draw: int) -> Experience:
        """All turns of the draw's episodes; a reward is 1 at the turn that wins.

        Episodes in which the engine failed are left out and counted. RuntimeError if all were.
        """
        games = random.Random(f"games/{seed}/{draw}").sample(self._panel.games, self._rollout.prompts)
        asked = self._episodes(games, f"rollout/{seed}/{draw}")
        player = ModelPlayer(engine, self._spec.protocol, self._rollout)
        ended = {each.situation.episode.key: each for each in play(self._world, self._slots, asked, player)}
        played = [ended[each.key] for each in asked if ended[each.key].outcome != "error"]
        if not played:
            raise RuntimeError(f"ALFWorld's engine failed in every game of draw {draw}: {self._world.faults}")
        return experience(played, len(asked), padding_id(engine.tokenizer))

    def describe(self) -> dict[str, str | int]:
        """The panel's statement, and the rules that the engine plays by."""
        return self._panel.statement() | rules.statement()

    def close(self) -> None:
        """End the engine's processes."""
        self._world.close()

    def _episodes(self, games: Sequence[Game], run: str) -> list[Episode]:
        samples = range(self._rollout.samples_per_prompt)
        return [Episode(self._panel.name, game, sample, run) for game in games for sample in samples]


def experience(played: Sequence[Played], asked: int, pad_id: int) -> Experience:
    """The turns of played episodes as rows, in order; `asked` counts the episodes that failed, too.

    The state of a turn is what the engine said last and the commands that it would take, as in GiGPO
    (arXiv 2505.10978), whose code compares only what was said.
    """
    turns = [(number, turn, one) for number, one in enumerate(played) for turn in range(len(one.moves))]
    moves = [one.moves[turn] for _, turn, one in turns]
    games = [one.situation.episode.game.id for _, _, one in turns]
    histories = [one.histories[turn] for _, turn, one in turns]
    states = [(game, h.observation, h.admissible) for game, h in zip(games, histories, strict=True)]
    wins = [one.outcome == "won" and turn + 1 == len(one.moves) for _, turn, one in turns]
    valid = [move.action.valid_format for move in moves]
    offered = [one.admissible[turn] for _, turn, one in turns if not one.moves[turn].action.thought]
    return Experience(
        batch=from_pairs([(list(m.prompt_ids), list(m.response_ids)) for m in moves], pad_id),
        rollout_log_prob=joined([move.log_probs for move in moves]),
        finished=torch.tensor([not move.cut_off for move in moves]),
        episode=torch.tensor([number for number, _, _ in turns]),
        turn=torch.tensor([turn for _, turn, _ in turns]),
        group=numbers(games),
        state=numbers(states),
        reward=torch.tensor(wins).float(),
        valid=torch.tensor(valid),
        metrics={
            "episode_success": sum(wins) / len(played),
            "turns": len(turns) / len(played),
            "invalid_format": 1 - sum(valid) / len(turns),
            "inadmissible": offered.count(False) / max(1, len(offered)),
            "episode_errors": 1 - len(played) / asked,
        },
    )
