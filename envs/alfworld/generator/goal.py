"""Which goals exist, and which of them are kept for the unseen split."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from envs.alfworld.generator import wheel
from envs.alfworld.generator.floor_plan import FloorPlan, Furniture, floor_plan
from envs.alfworld.household import LAMP, LAMP_STANDS, TREATMENTS, Treatment

LOOK = "look_at_obj_in_light"
PICK_TWO = "pick_two_obj_and_place"
_TREATMENTS = {each.task_type: each for each in TREATMENTS}


@dataclass(frozen=True, order=True)
class Goal:
    """What to do with which class of object; `place` is a kind of furniture, or the lamp."""

    task_type: str
    object: str
    place: str

    @property
    def held_out(self) -> bool:
        """Whether its pair of object and place, in every task type at once, occurs in unseen games only."""
        return (self.object, self.place) in held_out_pairs()

    @property
    def count(self) -> int:
        """How many objects it takes."""
        return 2 if self.task_type == PICK_TWO else 1

    @property
    def treatment(self) -> Treatment | None:
        """What is done with the object before it is placed."""
        return _TREATMENTS.get(self.task_type)

    @property
    def needs(self) -> tuple[frozenset[str], ...]:
        """The kinds of each piece of furniture it takes: destination or lamp's stand, appliance, source."""
        sources = frozenset(kind for kind, held in wheel.contents().items() if self.object in held)
        if self.task_type == LOOK:
            return LAMP_STANDS, sources
        appliance = (frozenset({self.treatment.appliance}),) if self.treatment else ()
        return frozenset({self.place}), *appliance, sources - {self.place}

    def placements(self, furniture: Sequence[Furniture]) -> Iterator[tuple[Furniture, ...]]:
        """All ways to meet the needs, each by a piece of its own."""
        candidates = ([piece for piece in furniture if piece.kind in kinds] for kinds in self.needs)
        return (pieces for pieces in product(*candidates) if len(set(pieces)) == len(pieces))

    def fits(self, plan: FloorPlan) -> bool:
        """Whether the room has the object's class and all furniture the goal takes."""
        objects = {self.object, LAMP} if self.task_type == LOOK else {self.object}
        return objects <= plan.objects and any(True for _ in self.placements(plan.furniture))


@cache
def held_out_pairs() -> frozenset[tuple[str, str]]:
    """One pair in five of each place that takes three classes of object or more, by a hash of its name.

    The same for every seed, so training games of one seed share no goal with unseen games of another.
    """
    objects = wheel.contents() | {LAMP: frozenset().union(*wheel.contents().values())}
    ranked = {
        place: sorted(names, key=lambda name: _digest(f"{name} {place}")) for place, names in objects.items()
    }
    return frozenset((name, place) for place, names in ranked.items() for name in names[2::5])


@cache
def goals(task_type: str, split: str) -> dict[Goal, tuple[int, ...]]:
    """The goals of a split in a fixed order, with the scene numbers each can be played in.

    Train and seen games share rooms and goals; unseen games have rooms and goals of their own.
    """
    unseen = split == "valid_unseen"
    scenes = sorted(n for room in wheel.rooms(task_type) for n in wheel.scene_numbers(room, unseen))
    plans = [floor_plan(scene) for scene in scenes]
    candidates = [goal for goal in _all_goals(task_type) if goal.held_out == unseen]
    fitting = {goal: tuple(plan.scene for plan in plans if goal.fits(plan)) for goal in candidates}
    return {goal: scenes for goal, scenes in fitting.items() if scenes}


def _all_goals(task_type: str) -> list[Goal]:
    pairs = {(name, kind) for kind, held in wheel.contents().items() for name in held}
    if task_type == LOOK:
        pairs = {(name, LAMP) for name, _ in pairs}
    if treatment := _TREATMENTS.get(task_type):
        treatable = wheel.affordance(treatment.affordance)
        pairs = {(a, b) for a, b in pairs if a in treatable and b != treatment.appliance}
    return sorted(Goal(task_type, name, place) for name, place in pairs)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
