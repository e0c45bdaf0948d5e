"""Worked solutions in a writing style: what models are pretrained on.

Teacher and student share the vocabulary but not the habits: how often each connective, filler,
self-check ("wait") and planted slip occurs. That difference is what distillation can remove.
"""

import random
from dataclasses import dataclass

from envs.chain_arithmetic.problem import MODULUS, Chain

CONNECTIVES = ("then", "next", "so", "now", "thus", "first", "hence", "after", "also", "here")
FILLERS = ("well", "okay", "hmm", "right")


@dataclass(frozen=True)
class Style:
    """Per-step habits: connective weights (in the order of CONNECTIVES; of none, none is used), three rates,
    and whether a step repeats the value that it starts from."""

    connective_weights: tuple[float, ...]
    recheck_rate: float
    slip_rate: float
    filler_rate: float
    repeats_value: bool = True


STYLES = {
    "teacher": Style((0.35, 0.22, 0.12, 0.08, 0.06, 0.05, 0.04, 0.03, 0.03, 0.02), 0.06, 0.03, 0.04),
    "student": Style((0.15, 0.15, 0.05, 0.25, 0.05, 0.05, 0.10, 0.10, 0.10, 0.05), 0.02, 0.01, 0.02),
    # What a model is asked for that should be brief.
    "concise": Style((), 0.0, 0.0, 0.0, repeats_value=False),
}


def demonstrate(chain: Chain, style: Style, rng: random.Random, stops_early: bool = False) -> str:
    """A correct response to the chain: every slip is followed by its correction.

    One that stops early goes through none of the steps, some, or all, each as often, and has the answer all
    the same.
    """
    steps = len(chain.operations)
    shown = rng.randint(0, steps) if stops_early else steps
    thoughts = " ".join(line for step in range(shown) for line in _step(chain, step, style, rng))
    return f"<think> {thoughts} </think> the answer is \\boxed{{{chain.values[-1]}}}"


def _step(chain: Chain, step: int, style: Style, rng: random.Random) -> list[str]:
    before = chain.values[step - 1] if step else chain.start
    operator, operand = chain.operations[step]
    claim = f"{chain.labels[step]} {operator} {operand}{f' of {before}' if style.repeats_value else ''} ="
    value = chain.values[step]

    connective = rng.choices(CONNECTIVES, style.connective_weights) if style.connective_weights else []
    opening = [rng.choice(FILLERS)] if rng.random() < style.filler_rate else []
    opening += connective
    correction = f"wait {claim} {value} ;"
    chance = rng.random()
    if chance < style.slip_rate:
        slip = (value + rng.randrange(1, MODULUS)) % MODULUS
        return [*opening, f"{claim} {slip} ;", correction]
    if chance < style.slip_rate + style.recheck_rate:
        return [*opening, f"{claim} {value} ;", correction]
    return [*opening, f"{claim} {value} ;"]
