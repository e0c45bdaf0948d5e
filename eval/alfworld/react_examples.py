"""Few-shot examples for ReAct from episodes that were played, such as the expert's."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from envs.alfworld.protocols import Exchange, History, React
from programs.errors import UserError

_PER_TYPE = 2  # as in ReAct's own prompts


def with_examples(react: React, records: Iterable[dict[str, Any]]) -> React:
    """The protocol with the transcripts of the first two won episodes of each task type.

    `records` are those of an episodes file. UserError if they are not of training games, since examples
    from the evaluated games would give them away, or if none was won.
    """
    examples: defaultdict[str, list[str]] = defaultdict(list)
    for record in records:
        if record["split"] != "train":
            raise UserError(f"examples must come from games of the split train, not {record['split']}")
        if record["outcome"] == "won" and len(examples[record["task_type"]]) < _PER_TYPE:
            examples[record["task_type"]].append(react.transcript(played(record)))
    shown = {task_type: tuple(texts) for task_type, texts in examples.items() if texts}
    if not shown:
        raise UserError("none of the episodes was won, so there are no examples to show")
    return react.model_copy(update={"examples": shown})


def played(record: dict[str, Any]) -> History:
    """The history of a recorded episode; what was admissible at its end is not recorded."""
    exchanges = tuple(Exchange(turn["command"], turn["observation"]) for turn in record["turns"])
    return History(record["task_type"], record["opening"], (), exchanges)
