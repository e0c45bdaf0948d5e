"""Players that are no models: a floor (random), a ceiling (walkthrough) and a teacher (expert)."""

from collections.abc import Callable

from envs.alfworld.game import Game
from envs.alfworld.policies.expert import Expert
from envs.alfworld.policies.policy import Policy
from envs.alfworld.policies.random_policy import RandomPolicy
from envs.alfworld.policies.walkthrough import Walkthrough

_POLICIES: dict[str, Callable[[Game, int], Policy]] = {
    "expert": lambda game, seed: Expert(),
    "random": RandomPolicy,
    "walkthrough": lambda game, seed: Walkthrough(game),
}
NAMES = tuple(_POLICIES)


def policy(name: str, game: Game, seed: int) -> Policy:
    """A player of the game. ValueError if the name is unknown, UserError if it cannot play this game."""
    if name not in _POLICIES:
        raise ValueError(f"unknown policy {name!r}; known: {', '.join(NAMES)}")
    return _POLICIES[name](game, seed)


__all__ = ["NAMES", "Expert", "Policy", "RandomPolicy", "Walkthrough", "policy"]
