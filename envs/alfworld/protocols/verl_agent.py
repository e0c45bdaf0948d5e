"""The verl-agent form: a fresh prompt per turn, with the last turns and the admissible commands.

Fields and parsing follow verl-agent (langfengQ/verl-agent, Apache-2.0) and its fork with arXiv
2603.25562; the wording is ours. A teacher trained on the original wording knows only that: put it into
`first_turn` and `later_turn`, whose fields have the names that the original templates use.
"""

import re
from typing import Literal

from pydantic import Field, field_validator

from envs.alfworld.protocols.history import History
from envs.alfworld.protocols.protocol import Action, Protocol, check_template

_FIRST_FIELDS = ("current_observation", "admissible_actions")
_LATER_FIELDS = (
    *_FIRST_FIELDS,
    "task_description",
    "step_count",
    "history_length",
    "action_history",
    "current_step",
)
_ANSWER = """\
Think first: reason about what you see and what to do next between <think> and </think>.
Then choose one of these actions and write it, exactly as listed, between <action> and </action>."""
_FIRST_TURN = f"""\
You control a household robot in a text world.
You see: {{current_observation}}
Actions possible now: [{{admissible_actions}}].
{_ANSWER}"""
_LATER_TURN = f"""\
You control a household robot in a text world. Your task is to: {{task_description}}
Steps taken so far: {{step_count}}. The last {{history_length}} observations, each with your action:
{{action_history}}
This is step {{current_step}}. You see: {{current_observation}}
Actions possible now: [{{admissible_actions}}].
{_ANSWER}"""

_CHINESE = re.compile("[\u4e00-\u9fff]")
_FALLBACK_CHARACTERS = 30


class VerlAgent(Protocol):
    """Reason inside <think>, act inside <action>; the prompt holds the last `history_length` turns.

    With none of them every turn is asked like the first, as verl-agent does.
    """

    name: Literal["verl_agent"] = "verl_agent"
    history_length: int = Field(2, ge=0)
    first_turn: str = _FIRST_TURN
    later_turn: str = _LATER_TURN

    @field_validator("first_turn")
    @classmethod
    def _first_turn_can_be_filled(cls, template: str) -> str:
        return check_template(template, _FIRST_FIELDS)

    @field_validator("later_turn")
    @classmethod
    def _later_turn_can_be_filled(cls, template: str) -> str:
        return check_template(template, _LATER_FIELDS)

    @property
    def own_wording(self) -> bool:
        """Whether some of the prompts are in this project's words."""
        return self.first_turn == _FIRST_TURN or self.later_turn == _LATER_TURN

    def prompt(self, history: History) -> str:
        """The template of the first turn, or of later ones; `help` is never among the actions."""
        now = {
            "current_observation": history.observation,
            "admissible_actions": "\n ".join(f"'{each}'" for each in history.admissible if each != "help"),
        }
        steps = len(history.exchanges)
        if steps == 0 or self.history_length == 0:
            return self.first_turn.format(**now)
        shown = range(max(0, steps - self.history_length), steps)
        seen = [history.opening, *(exchange.observation for exchange in history.exchanges)]
        return self.later_turn.format(
            **now,
            task_description=history.task,
            step_count=steps,
            history_length=len(shown),
            action_history="\n".join(
                f"[Observation {k + 1}: '{seen[k]}', Action {k + 1}: '{history.exchanges[k].command}']"
                for k in shown
            ),
            current_step=steps + 1,
        )

    def parse(self, response: str) -> Action:
        """What stands between the first <action> and the first </action>, in lower case.

        Without these tags it is the response's last 30 characters. The form is valid with action tags in
        any case, <think> and </think> in lower case, and no Chinese character; the command need not be
        admissible. Stricter than the original in one point: an empty action is not valid.
        """
        text = response.lower()
        start, end = text.find("<action>"), text.find("</action>")
        if -1 in (start, end):
            return Action(text[-_FALLBACK_CHARACTERS:], valid_format=False)
        command = text[start + len("<action>") : end].strip()
        thinks = "<think>" in response and "</think>" in response
        return Action(command, bool(command) and thinks and not _CHINESE.search(response))
