"""A chain problem, and the split that keeps training and evaluation apart."""

import hashlib
import random
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice, product

MODULUS = 20
OPERANDS = {"+": range(1, 6), "-": range(1, 6), "*": range(2, 4)}
# `x` names the start value, so the steps are labelled with the letters before it.
LABELS = "abcdefghijklmnopqrstuvw"
TIERS = (2, 3, 4, 5, 6)

_OPERATIONS = [(operator, operand) for operator, operands in OPERANDS.items() for operand in operands]
_BUCKETS = {"suite": {0}, "development": {1}, "training": set(range(2, 10))}


@dataclass(frozen=True)
class Chain:
    """A start value and operations on it: `x = 4 ; f * 2 ; g - 2` (labels are consecutive letters)."""

    start: int
    operations: tuple[tuple[str, int], ...]
    first_label: int

    @cached_property
    def values(self) -> tuple[int, ...]:
        """The running value after each operation, modulo 20."""
        values, current = [], self.start
        for operator, operand in self.operations:
            current = apply(operator, current, operand)
            values.append(current)
        return tuple(values)

    @property
    def labels(self) -> str:
        return LABELS[self.first_label : self.first_label + len(self.operations)]

    @property
    def question(self) -> str:
        steps = (
            f"{label} {operator} {operand}"
            for label, (operator, operand) in zip(self.labels, self.operations, strict=True)
        )
        return " ; ".join([f"x = {self.start}", *steps])

    @property
    def split(self) -> str:
        """`training`, `development` or `suite`, by a hash of what the problem computes.

        Labels do not enter the hash, so a suite problem never appears in training under other
        letters either: the splits are disjoint by construction, whatever is drawn from them.
        """
        content = f"{self.start}{self.operations}"
        bucket = hashlib.sha256(content.encode()).digest()[0] % 10
        return next(split for split, buckets in _BUCKETS.items() if bucket in buckets)


def apply(operator: str, value: int, operand: int) -> int:
    """One operation modulo 20."""
    results = {"+": value + operand, "-": value - operand, "*": value * operand}
    return results[operator] % MODULUS


def draw(rng: random.Random, length: int, split: str) -> Chain:
    """A uniformly drawn chain of that length from that split (rejection by the split's hash)."""
    while True:
        chain = Chain(
            start=rng.randrange(MODULUS),
            operations=tuple(rng.choice(_OPERATIONS) for _ in range(length)),
            first_label=rng.randrange(len(LABELS) - length + 1),
        )
        if chain.split == split:
            return chain


@cache
def how_many(length: int, split: str, limit: int) -> int:
    """Chains of that length in the split that differ in what they compute, counted no further than `limit`.

    So it takes no longer than to draw as many; all of the longest are 60 million.
    """
    chains = (
        Chain(start, operations, first_label=0)
        for start in range(MODULUS)
        for operations in product(_OPERATIONS, repeat=length)
    )
    return sum(1 for _ in islice((chain for chain in chains if chain.split == split), limit))
