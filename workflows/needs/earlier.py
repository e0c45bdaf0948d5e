"""What earlier steps of a run say of its work: rates and lengths, before any assumption."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opd.plan.devices import known
from opd.plan.work import Phase

PHASES = ("rollout", "scoring", "training")


@dataclass(frozen=True)
class Earlier:
    """Means over a task's steps: tokens per second by phase, tokens per response, turns per game if any.

    The rates are of steps on the planned hardware alone, none if there are no such steps; lengths are of all.
    """

    rates: Mapping[str, float]
    length: float
    turns: float | None


def earlier(folder: Path, processes: int, gpu: str | None) -> dict[str, Earlier]:
    """Of each task, from the metrics of all seeds below a run's folder.

    `processes` and `gpu` are the planned hardware: an entry of `opd.plan.devices`, or None for the CPU.
    """
    files = sorted({*folder.glob("metrics.jsonl"), *folder.glob("seed*/metrics.jsonl")})
    by_task: dict[str, list[dict[str, Any]]] = {}
    for line in (line for file in files for line in _lines(file)):
        by_task.setdefault(line["task"], []).append(line)
    return {task: _means(lines, processes, gpu) for task, lines in by_task.items()}


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
    timed = [each for each in before if each and each.rates]
    if len(timed) < len(before):
        return {}
    return {name: overall_rate(done, [task.rates[name] for task in timed]) for name, done in phases.items()}


def overall_rate(phases: Sequence[Phase], rates: Sequence[float]) -> float:
    """Tokens per second of several phases together, each at a rate of its own: all tokens / all seconds."""
    seconds = sum(phase.tokens / rate for phase, rate in zip(phases, rates, strict=True))
    return sum(phase.tokens for phase in phases) / seconds


def _means(lines: Sequence[dict[str, Any]], processes: int, gpu: str | None) -> Earlier:
    turns = [line["turns"] for line in lines if line.get("turns") is not None]
    alike = [line["machine"] for line in lines if _is_of(line["machine"], processes, gpu)]
    rates = {phase: _mean([each[f"{phase}_tokens_per_s"] for each in alike]) for phase in PHASES if alike}
    length = _mean([line["response_length"] for line in lines])
    return Earlier(rates, length, _mean(turns) if turns else None)


def _is_of(machine: Mapping[str, Any], processes: int, gpu: str | None) -> bool:
    """Whether so many processes made a step, on such cards; what a line does not say is not so."""
    name, gib = machine.get("device"), machine.get("device_gib")
    card = known(name, gib) if name and gib else name
    return (machine.get("processes"), card) == (processes, gpu or "cpu")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
