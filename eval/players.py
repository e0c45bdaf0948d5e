"""Who plays ALFWorld: a language model under a protocol, or a policy that needs none."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from envs.alfworld.policies import policy
from envs.alfworld.protocols import Action, Protocol
from eval.episodes import Move, Situation
from opd.spec import SamplingSpec

if TYPE_CHECKING:  # loads torch, which a policy does not need
    from opd.rollout.engine import Engine


class ModelPlayer:
    """A model folder behind a rollout engine: every turn is a request of its own, all games in one batch."""

    def __init__(self, engine: "Engine", protocol: Protocol, sampling: SamplingSpec) -> None:
        self._engine, self._protocol, self._sampling = engine, protocol, sampling

    def act(self, situations: Sequence[Situation]) -> list[Move]:
        """Turn t of an episode draws from the stream `key of the episode/t`."""
        prompts = [self._protocol.prompt(each.history) for each in situations]
        keys = [f"{each.episode.key}/{len(each.history.exchanges)}" for each in situations]
        responses = dict(self._engine.stream(prompts, keys, self._sampling, set()))
        ordered = [responses[row] for row in range(len(prompts))]
        texts = self._engine.tokenizer.batch_decode(
            [response.tokens for response in ordered], skip_special_tokens=True
        )
        return [
            Move(self._protocol.parse(text), text, prompt, len(response.tokens), not response.finished)
            for prompt, text, response in zip(prompts, texts, ordered, strict=True)
        ]


class PolicyPlayer:
    """A policy of `envs.alfworld.policies`, seeded by the episode's key."""

    def __init__(self, name: str) -> None:
        self._name = name

    def act(self, situations: Sequence[Situation]) -> list[Move]:
        """The policy's commands. Policies are functions of the history, so none is kept."""
        return [self._move(each) for each in situations]

    def _move(self, situation: Situation) -> Move:
        episode = situation.episode
        command = policy(self._name, episode.game, episode.seed).act(situation.history)
        return Move(Action(command, valid_format=True), command)
