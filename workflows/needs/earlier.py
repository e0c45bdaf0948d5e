"""What earlier steps of a run say of its work: rates and lengths, before any assumption."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opd.plan.work import Phase

PHASES = ("rollout", "scoring", "training")


@dataclass(frozen=True)
class Earlier:
    """Means over a task's steps: tokens per second by phase, tokens per response, turns per game if any."""

    rates: Mapping[str, float]
    length: float
    turns: float | None


def earlier(folder: Path) -> dict[str, Earlier]:
    """Of each task, from the metrics of all seeds below a run's folder."""
    files = sorted({*folder.glob("metrics.jsonl"), *folder.glob("seed*/metrics.jsonl")})
    by_task: dict[str, list[dict[str, Any]]] = {}
    for line in (line for file in files for line in _lines(file)):
        by_task.setdefault(line["task"], []).append(line)
    return {task: _means(lines) for task, lines in by_task.items()}


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """The steps of a file that say how fast each phase was; not a line that a full disk cut off."""
    for text in file.read_text().splitlines():
        with suppress(json.JSONDecodeError):
            line = json.loads(text)
            if all(line.get("machine", {}).get(f"{phase}_tokens_per_s") for phase in PHASES):
                yield line


def overall_rates(
    phases: Mapping[str, Sequence[Phase]], before: Sequence[Earlier | None]
) -> dict[str, float]:
    """Of each phase, all tasks together; none if the steps of a task are not known."""
    known = [each for each in before if each]
    if len(known) < len(before):
        return {}
    return {name: overall_rate(done, [task.rates[name] for task in known]) for name, done in phases.items()}


def overall_rate(phases: Sequence[Phase], rates: Sequence[float]) -> float:
    """Tokens per second of several phases together, each at a rate of its own: all tokens / all seconds."""
    seconds = sum(phase.tokens / rate for phase, rate in zip(phases, rates, strict=True))
    return sum(phase.tokens for phase in phases) / seconds


def _means(lines: Sequence[dict[str, Any]]) -> Earlier:
    turns = [line["turns"] for line in lines if line.get("turns") is not None]
    return Earlier(
        {phase: _mean([line["machine"][f"{phase}_tokens_per_s"] for line in lines]) for phase in PHASES},
        _mean([line["response_length"] for line in lines]),
        _mean(turns) if turns else None,
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
