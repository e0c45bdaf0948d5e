"""The words of the compact form: all that its prompts can show and its commands can need, but numbers."""

import re

from envs.alfworld.game import TASK_TYPES
from envs.alfworld.generator import wheel
from envs.alfworld.household import LAMP

_COMMANDS = "go to open close use examine take from move heat cool clean slice with look inventory help"
_NOTES = "goal: left: use: done: known: failed: hold: here: at: closed useful hot cool clean nothing"


def words() -> tuple[str, ...]:
    """Sorted; things and goals are those of generated games of any seed, size and split."""
    things = {LAMP, *wheel.contents(), *(name for held in wheel.contents().values() for name in held)}
    goals = (re.sub(r"{\w+}", "", text) for task in TASK_TYPES for text in wheel.goal_texts(task))
    texts = (*map(str.lower, things), *goals, _COMMANDS, _NOTES)
    return tuple(sorted({word for text in texts for word in text.split()}))
