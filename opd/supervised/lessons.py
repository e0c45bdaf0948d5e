"""What a model from scratch can learn: batches to train on, and how well it does on problems kept apart."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from envs import Problem, worded
from envs.alfworld.demonstrations import read_demonstrations
from envs.alfworld.panel import read_panel
from envs.alfworld.play import episodes, play
from envs.alfworld.vector import AlfWorld
from envs.chain_arithmetic import ChainArithmetic
from envs.tokenizer import respell
from opd import models
from opd.rollout.game_player import ModelPlayer
from opd.rollout.torch_engine import TorchEngine
from opd.spec import ArithmeticLessonSpec, CurriculumSpec, GameLessonSpec, LessonSpec
from opd.supervised.accuracy import greedy_accuracy
from programs.errors import UserError

Pair = tuple[list[int], list[int]]
"""Token ids of a prompt and of the response to learn."""

# Demonstrations have one to six operations; longer ones are drawn more often, as they teach more.
_LENGTHS = range(1, 7)
_SHORT_PHASE, _SHORT_SHARE, _SHORT = 0.25, 0.7, 2

_POOL_BATCHES = 8  # of turns, sorted by length together
_SLOTS = 64  # development games at once; changes nothing


class Lesson(Protocol):
    """One task, with its spec."""

    @property
    def spec(self) -> LessonSpec:
        """Its share, and how well it must be done."""
        ...

    def batch(self, progress: float, tokens: int) -> list[Pair]:
        """The next batch of about so many tokens; `progress` is the share of the steps that are over."""
        ...

    def accuracy(self, model: PreTrainedModel) -> float:
        """Measured on development problems or games, between 0 and 1."""
        ...

    def describe(self) -> dict[str, str | int]:
        """What its data state of themselves: name, version or checksum."""
        ...


class ArithmeticLesson:
    """Chain arithmetic, one length per batch, so that little is padded."""

    def __init__(self, spec: ArithmeticLessonSpec, tokenizer: PreTrainedTokenizerBase, seed: int) -> None:
        """Start the streams of demonstrations; UserError if a word of a prompt is not in the vocabulary."""
        self.spec, self._tokenizer, self._environment = spec, tokenizer, ChainArithmetic()
        self._rng, self._spelling = random.Random(f"lengths/{seed}"), random.Random(f"spelling/{seed}")
        self._prompting = random.Random(f"prompts/{seed}")
        # By prompt (None: the question alone): the share of demonstrations that have it, and a stream of them
        # for every number of operations.
        shares: dict[str | None, float] = {each.prompt: each.share for each in spec.instructions}
        self._shares = {**shares, None: 1 - sum(shares.values())}
        shown = self._environment.demonstrations
        self._streams: dict[str | None, dict[int, Iterator[tuple[Problem, str]]]] = {
            None: {n: shown(spec.style, n, seed) for n in _LENGTHS}
        }
        for each in spec.instructions:
            models.refuse_unknown_words(tokenizer, each.prompt)
            stream = f"{seed}/{each.prompt}"
            self._streams[each.prompt] = {n: shown(each.style, n, stream, each.stops_early) for n in _LENGTHS}

    def batch(self, progress: float, tokens: int) -> list[Pair]:
        """Demonstrations of one length, the first mostly short."""
        lengths = [n for n in _LENGTHS if n <= _SHORT]
        if progress >= _SHORT_PHASE or self._rng.random() >= _SHORT_SHARE:
            lengths = list(_LENGTHS)
        (length,) = self._rng.choices(lengths, weights=lengths)
        count = max(8, tokens // (15 + 16 * length))
        return [self._demonstration(length) for _ in range(count)]

    def _demonstration(self, length: int) -> Pair:
        (prompt,) = self._prompting.choices(list(self._shares), weights=list(self._shares.values()))
        problem, response = next(self._streams[prompt][length])
        return _pair(self._tokenizer, worded(problem, prompt), self._spelled(response))

    def _spelled(self, answer: str) -> str:
        other = self._spelling.random() < self.spec.respelled
        return respell(answer, self.spec.respelled_markers) if other else answer

    def accuracy(self, model: PreTrainedModel) -> float:
        """Greedy, on problems that no evaluation suite contains."""
        problems = self._environment.development_problems(self.spec.development_problems)
        return greedy_accuracy(model, self._tokenizer, self._environment, problems, self.spec.max_new_tokens)

    def describe(self) -> dict[str, str | int]:
        """The environment's statement on its training problems."""
        return self._environment.describe(self._environment.training_set)


class GameLesson:
    """Turns of ALFWorld's games with the expert's commands, turns of about one length per batch."""

    def __init__(self, spec: GameLessonSpec, tokenizer: PreTrainedTokenizerBase, seed: int) -> None:
        """Read demonstrations and panel; UserError if a word of the former is not in the vocabulary."""
        self.spec, self._tokenizer, self._seed = spec, tokenizer, seed
        self._panel = read_panel(Path(spec.panel))
        shown, self._protocol = read_demonstrations(Path(spec.demonstrations))
        self._pairs = [_pair(tokenizer, turn.prompt, turn.command) for turn in shown]
        if any(tokenizer.unk_token_id in prompt + response for prompt, response in self._pairs):
            raise UserError(f"{spec.demonstrations} has words that the tokenizer does not know")
        self._batches: Iterator[list[Pair]] = iter(())
        self._rng = random.Random(f"turns/{seed}")

    def batch(self, progress: float, tokens: int) -> list[Pair]:
        """Turns drawn at random. The progress does not matter."""
        found = next(self._batches, None)
        if found is None:
            self._batches = self._draw(tokens)
            found = next(self._batches)
        return found

    def accuracy(self, model: PreTrainedModel) -> float:
        """The share of the panel's games that are won. RuntimeError if the engine fails."""
        slots = min(_SLOTS, len(self._panel.games))
        player = ModelPlayer(TorchEngine(model, self._tokenizer, slots), self._protocol, self.spec.sampling)
        with AlfWorld(slots, 1, self.spec.max_steps) as world:
            asked = episodes(self._panel, 1, f"development/{self._seed}")
            outcomes = [played.outcome for played in play(world, slots, asked, player)]
            if "error" in outcomes:
                raise RuntimeError(f"ALFWorld's engine failed in a development game: {world.faults}")
        return outcomes.count("won") / len(outcomes)

    def describe(self) -> dict[str, str | int]:
        """How many turns are shown, and the statement of the panel that the accuracy is measured on."""
        return {"demonstrations": len(self._pairs), **self._panel.statement()}

    def _draw(self, tokens: int) -> Iterator[list[Pair]]:
        """The batches of a pool: neighbours in length, so that little is padded, in random order."""
        mean_length = sum(map(_length, self._pairs)) / len(self._pairs)
        count = max(8, round(tokens / mean_length))
        pool = self._rng.choices(self._pairs, k=_POOL_BATCHES * count)
        pool.sort(key=_length)
        batches = [pool[start : start + count] for start in range(0, len(pool), count)]
        self._rng.shuffle(batches)
        return iter(batches)


def load(spec: CurriculumSpec, tokenizer: PreTrainedTokenizerBase, seed: int) -> dict[str, Lesson]:
    """The lessons of a curriculum by name."""
    lessons: dict[str, Lesson] = {}
    if spec.chain_arithmetic is not None:
        lessons["chain_arithmetic"] = ArithmeticLesson(spec.chain_arithmetic, tokenizer, seed)
    if spec.alfworld is not None:
        lessons["alfworld"] = GameLesson(spec.alfworld, tokenizer, seed)
    return lessons


def _pair(tokenizer: PreTrainedTokenizerBase, question: str, response: str) -> Pair:
    return models.prompt_ids(tokenizer, question), [*tokenizer(response)["input_ids"], tokenizer.eos_token_id]


def _length(pair: Pair) -> int:
    return len(pair[0]) + len(pair[1])
