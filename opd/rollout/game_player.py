"""A language model as a player of games."""

from collections.abc import Sequence

from envs.alfworld.play import Move, Situation
from envs.alfworld.protocols import Protocol
from opd.rollout.engine import Engine, answers
from opd.rollout.response import Response
from opd.spec import SamplingSpec


class ModelPlayer:
    """A rollout engine under a protocol: every turn is a request of its own, all games in one batch."""

    def __init__(self, engine: Engine, protocol: Protocol, sampling: SamplingSpec) -> None:
        self._engine, self._protocol, self._sampling = engine, protocol, sampling

    def act(self, situations: Sequence[Situation]) -> list[Move]:
        """Turn t of an episode draws from the stream `key of the episode/t`."""
        prompts = [self._protocol.prompt(each.history) for each in situations]
        keys = [f"{each.episode.key}/{len(each.history.exchanges)}" for each in situations]
        responses = answers(self._engine, prompts, keys, self._sampling)
        texts = self._engine.tokenizer.batch_decode(
            [response.tokens for response in responses], skip_special_tokens=True
        )
        return [self._move(*each) for each in zip(prompts, responses, texts, strict=True)]

    def _move(self, prompt: str, response: Response, text: str) -> Move:
        return Move(
            self._protocol.parse(text),
            text,
            prompt,
            tuple(response.prompt),
            tuple(response.tokens),
            tuple(response.log_probs),
            cut_off=not response.finished,
        )
