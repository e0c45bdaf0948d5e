"""Playing ALFWorld's games: a batch of turns at a time, any number of games at once.

A game that ends gives its slot to the next. What a player draws depends on the episode's key alone, so
results depend neither on the order of the games nor on how many are played at once.
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from envs.alfworld.game import Game
from envs.alfworld.panel import Panel
from envs.alfworld.protocols import Action, History
from envs.alfworld.vector import AlfWorld, Turn

OUTCOMES = ("won", "lost", "error")
"""How an episode ends, in exactly one way. `lost`: at the step limit; `error`: the engine failed."""


@dataclass(frozen=True)
class Episode:
    """One game of a panel, to be played once."""

    panel: str
    game: Game
    sample: int
    run: str

    @property
    def key(self) -> str:
        """The name of its random stream: what is drawn does not depend on other episodes."""
        return f"{self.run}/{self.game.id}/{self.sample}"

    @property
    def seed(self) -> int:
        """The first 63 bits of the key's sha256, as in `opd.rollout.sampling`, which would load torch."""
        return int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:8]) >> 1


@dataclass(frozen=True)
class Situation:
    """A player's turn: the game with all that it has shown so far."""

    episode: Episode
    turn: Turn
    history: History


@dataclass(frozen=True)
class Move:
    """What a player did. `prompt` is what it was shown, empty if it reads no prompts.

    A model's move has the token ids of both, those of the response as it generated them, with their
    log-probabilities under the model if its engine reports them; `cut_off` says that it reached their cap.
    """

    action: Action
    response: str
    prompt: str = ""
    prompt_ids: tuple[int, ...] = ()
    response_ids: tuple[int, ...] = ()
    log_probs: tuple[float, ...] = ()
    cut_off: bool = False


class Player(Protocol):
    """Plays many games at once."""

    def act(self, situations: Sequence[Situation]) -> list[Move]:
        """A move per situation, in order, each a function of its own situation alone."""
        ...


@dataclass(frozen=True)
class Played:
    """An episode as far as it has been played; move t answered the history `histories[t]`."""

    situation: Situation
    moves: tuple[Move, ...] = ()
    histories: tuple[History, ...] = ()

    @property
    def admissible(self) -> tuple[bool, ...]:
        """Per move, whether its command was one that the engine offered."""
        pairs = zip(self.moves, self.histories, strict=True)
        return tuple(move.action.command in history.admissible for move, history in pairs)

    @property
    def ended(self) -> bool:
        """Whether there is no next turn."""
        return self.situation.turn.done or self.situation.turn.error is not None

    @property
    def outcome(self) -> str:
        """One of OUTCOMES, by the engine's word."""
        turn = self.situation.turn
        if turn.error is not None:
            return "error"
        return "won" if turn.won else "lost"

    def after(self, move: Move, turn: Turn) -> "Played":
        """The episode one turn later."""
        history = self.situation.history
        seen = turn.observation if turn.error is None else ""
        after = history.then(move.action.command, seen, turn.admissible)
        return Played(
            replace(self.situation, turn=turn, history=after),
            (*self.moves, move),
            (*self.histories, history),
        )


def episodes(panel: Panel, repeats: int, run: str) -> list[Episode]:
    """Each game of the panel `repeats` times, sample by sample."""
    return [Episode(panel.name, game, sample, run) for sample in range(repeats) for game in panel.games]


def play(world: AlfWorld, slots: int, waiting: Sequence[Episode], player: Player) -> Iterator[Played]:
    """The episodes as they end. `world` has `slots` slots or more."""
    queue = deque(waiting)
    running: dict[int, Played] = {}
    while queue or running:
        begun = {slot: queue.popleft() for slot in range(slots) if slot not in running and queue}
        turns = world.reset({slot: episode.game for slot, episode in begun.items()}) if begun else {}
        running |= {slot: _begin(begun[slot], turn) for slot, turn in turns.items()}
        yield from _remove_ended(running)
        if not running:  # none of the games could be begun
            continue
        moves = dict(zip(running, player.act([each.situation for each in running.values()]), strict=True))
        turns = world.step({slot: move.action.command for slot, move in moves.items()})
        running = {slot: running[slot].after(moves[slot], turn) for slot, turn in turns.items()}
        yield from _remove_ended(running)


def _begin(episode: Episode, turn: Turn) -> Played:
    history = History(episode.game.task_type, turn.observation, turn.admissible)
    return Played(Situation(episode, turn, history))


def _remove_ended(running: dict[int, Played]) -> Iterator[Played]:
    for slot in [slot for slot, played in running.items() if played.ended]:
        yield running.pop(slot)
