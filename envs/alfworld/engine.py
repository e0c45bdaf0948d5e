"""One engine object: alfworld's own rules and names on textworld's PDDL environment.

Only a worker imports this: it pulls in the engine's packages, which keep global state and carry the GPL.
"""

from envs.alfworld import stand_in  # noqa: F401  before textworld

# isort: split
import mementos.core
from alfworld.agents.environment.alfred_tw_env import AlfredDemangler
from textworld import EnvInfos
from textworld.envs.pddl import PddlEnv

from envs.alfworld import rules
from envs.alfworld.messages import State


class Engine:
    """Plays one game at a time. Keep it: a new one costs 1.5 MB that the engine never gives back."""

    def __init__(self) -> None:
        self._environment = AlfredDemangler(PddlEnv(EnvInfos(won=True, admissible_commands=True)))

    def load(self, problem: str, grammar: str) -> State:
        """Begin the game. Raises whatever the engine raises on a problem that it cannot read."""
        mementos.core._memento_cache.clear()  # every fact of every game so far; facts are equal by value
        data = {"pddl_domain": rules.domain(), "grammar": grammar, "pddl_problem": problem}
        self._environment.load(data)
        return _state(self._environment.reset())

    def step(self, command: str) -> State:
        """Give a command; one that is not admissible gives "Nothing happens."."""
        state, _, _ = self._environment.step(command)
        return _state(state)


def _state(state: dict) -> State:
    return State(state["feedback"], tuple(state["admissible_commands"]), bool(state["won"]))
