"""ALFWorld's grammar with observations of few words, for models with small vocabularies.

Only what the game says changes: its commands, the domain and what can be done in it stay as they are.
"""

import re

from envs.alfworld import rules
from programs.errors import UserError

_RULE = re.compile(r'"rhs": "(.*)"')  # what is said, as it stands in the grammar's JSON: a line break is \n

_WORDINGS = {
    r"-= Welcome to TextWorld, ALFRED! =-\n\n#look.feedback#\n\n#task#": r"#look.feedback#\n#task#",
    "You are in the middle of a room. Looking quickly around you, you see #list_appliances#.": (
        "room: #list_appliances#."
    ),
    "#look-variations#. Next to it, you see #list_objects_on_the_floor#.": "at #look-variations#.",
    "{r.indefinite} {r.name or r.id}": "{r.name or r.id}",
    "{o.indefinite} {o.name}": "{o.name}",
    ", and ": ", ",
    "You arrive at {r.name}. #examineReceptacle.feedback#": "#examineReceptacle.feedback#",
    "You open the {r.name}. #examineReceptacle.feedback#": "#examineReceptacle.feedback#",
    "You close the {r.name}.": "{r.name} closed.",
    "The {r.name} is closed.": "{r.name} closed.",
    "You pick up the {o.name} from the {r.name}.": "took {o.name}.",
    "You move the {o.name} to the {r.name}.": "moved {o.name}.",
    "You heat the {o.name} using the {r.name}.": "heated {o.name}.",
    "You cool the {o.name} using the {r.name}.": "cooled {o.name}.",
    "You clean the {o.name} using the {r.name}.": "cleaned {o.name}.",
    "You sliced the {co.name} with the {ko.name}.": "sliced {co.name}.",
    "You turn on the {o.name}.": "{o.name} on.",
    "You turn off the {o.name}.": "{o.name} off.",
    "You don't see any switch on the {o.name}.": "no switch.",
    "You are not carrying anything.": "holding nothing.",
    "There's nothing special about {o.name}.": "{o.name}.",
}
_PATTERNS = (
    (r"You are facing the (\[.*\])", r"\1"),
    (r"You are carrying: (\[.*\])\.", r"holding \1."),
    (r"(?:The \{r\.name\} is open\. In it|On the \{r\.name\}), you see (\[.*\])\.", r"{r.name}: \1."),
    (r"This is a normal \{o\.name\}\. In it, you see (\[.*\])\.", r"{o.name}: \1."),
    (r"This is a (.*) \{o\.name\}\.", r"{o.name}: \1."),
    (r"This \{o\.name\} is (on|off)\.", r"{o.name} \1."),
    (r"\\nAvailable commands:.*", "commands: look, inventory, go to, open, close, take, move, examine, use."),
)


def grammar(goal: str) -> str:
    """The terse grammar with the goal in words put in, as `rules.grammar` makes the standard one."""
    return terse(rules.grammar(goal))


def terse(grammar: str) -> str:
    """The same grammar with short wordings; UserError if it is not the one that they were written for."""
    if missing := [wording for wording in _WORDINGS if f'"rhs": "{wording}"' not in grammar]:
        raise UserError(f"not alfworld 0.4.2's grammar: it never says {missing[0]!r}")
    return _RULE.sub(lambda rule: f'"rhs": "{_shortened(rule[1])}"', grammar)


def _shortened(wording: str) -> str:
    if wording in _WORDINGS:
        return _WORDINGS[wording]
    for pattern, replacement in _PATTERNS:
        if re.fullmatch(pattern, wording):
            return re.sub(r"\{\w+\.indefinite \+ ' ' \+ ", "{", re.sub(pattern, replacement, wording))
    return wording
