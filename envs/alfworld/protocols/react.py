"""ReAct (Yao et al. 2023, arXiv 2210.03629): one growing transcript for a model that completes text.

The wording and examples are the user's or ours; the original's can be put into the fields. Meant for
base models: a chat model gets the transcript as a user message.
"""

from typing import Literal

from pydantic import Field

from envs.alfworld.protocols.command import read
from envs.alfworld.protocols.history import History
from envs.alfworld.protocols.protocol import Action, Protocol

_THOUGHT = "think:"


class React(Protocol):
    """Few-shot examples of the task type, then the episode so far; the response's first line counts.

    A line that begins with `think:` costs a turn. The engine does nothing on it, and the transcript shows
    `thought_reply` instead of its answer.
    """

    name: Literal["react"] = "react"
    instruction: str = (
        "Solve tasks in a household, one command per line. "
        "A line that begins with think: is a thought and does nothing."
    )
    examples: dict[str, tuple[str, ...]] = Field({}, description="transcripts by task type")
    introduction: str = "Here is the task."
    thought_reply: str = "OK."

    def prompt(self, history: History) -> str:
        """Everything up to the mark `>` after which the model goes on; KeyError without examples of the type.

        No examples at all are fine: the prompt is then zero-shot.
        """
        if self.examples and history.task_type not in self.examples:
            raise KeyError(f"no examples of {history.task_type}; there are {', '.join(self.examples)}")
        examples = self.examples.get(history.task_type, ())
        parts = [self.instruction, *examples, self.introduction, self.transcript(history), ">"]
        return "\n".join(parts)

    def transcript(self, history: History) -> str:
        """The episode as text, a solved one being an example for other prompts."""
        # The first paragraph is the engine's welcome.
        opening = history.opening.partition("\n\n")[2] or history.opening
        lines = [opening.strip()]
        for exchange in history.exchanges:
            reply = self.thought_reply if _is_thought(exchange.command) else exchange.observation.strip()
            lines += [f"> {exchange.command}", reply]
        return "\n".join(lines)

    def parse(self, response: str) -> Action:
        """The first line that holds anything, a leading `>` aside; commands in lower case.

        The form is valid if it is a thought or one of the engine's commands.
        """
        lines = (line.strip().removeprefix(">").strip() for line in response.splitlines())
        line = next(filter(None, lines), "")
        if _is_thought(line):
            return Action(line, valid_format=True, thought=True)
        return Action(line.lower(), valid_format=read(line.lower()) is not None)


def _is_thought(command: str) -> bool:
    return command.lower().startswith(_THOUGHT)
