"""A furnished room with objects lying in it, drawn for one goal."""

import random
from dataclasses import dataclass

from envs.alfworld.generator import wheel
from envs.alfworld.generator.floor_plan import FloorPlan, Furniture
from envs.alfworld.generator.goal import LOOK, Goal
from envs.alfworld.household import LAMP

STUCK_KINDS = frozenset({"Cabinet", "Drawer"})
STUCK_RATE = (
    0.17  # of the cabinets and drawers of the official games, so many cannot be opened and are plain surfaces
)


@dataclass(frozen=True)
class Size:
    """How much a room holds.

    Pieces of furniture (None: the whole plan), targets at most beyond those that the goal takes, and other
    objects at least and at most.
    """

    furniture: int | None
    spares: int
    others: tuple[int, int]


SIZES = {"tiny": Size(6, 0, (3, 5)), "small": Size(10, 1, (5, 9)), "full": Size(None, 2, (12, 40))}


@dataclass(frozen=True)
class Object:
    """One object and the furniture it lies in or on at first."""

    id: str
    kind: str
    home: Furniture


@dataclass(frozen=True)
class Scene:
    """Everything a problem states but the goal."""

    furniture: tuple[Furniture, ...]
    openable: frozenset[Furniture]
    objects: tuple[Object, ...]


def draw_scene(goal: Goal, plan: FloorPlan, size: Size, draw: random.Random) -> Scene:
    """A room in which the goal can be reached and is not yet: no target is where it is needed."""
    needed = draw.choice(list(goal.placements(plan.furniture)))
    furniture = _furniture(needed, plan, size, draw)
    openable = frozenset(piece for piece in furniture if _opens(piece, draw))
    homes = [piece for piece in furniture if piece.kind in goal.needs[-1] and piece != needed[0]]
    targets = draw.randint(goal.count, goal.count + size.spares)
    placed = [(goal.object, draw.choice(homes)) for _ in range(targets)]
    placed += [(LAMP, needed[0])] if goal.task_type == LOOK else []
    placed += _others(goal, plan, furniture, draw.randint(*size.others), draw)
    objects = tuple(Object(f"{kind}_bar_{i:02d}", kind, home) for i, (kind, home) in enumerate(placed))
    return Scene(furniture, openable, objects)


def _furniture(
    needed: tuple[Furniture, ...], plan: FloorPlan, size: Size, draw: random.Random
) -> tuple[Furniture, ...]:
    """The whole plan; or what is needed, then pieces at random that stand at locations of their own."""
    if size.furniture is None:
        return plan.furniture
    kept = list(needed)
    for piece in draw.sample(plan.furniture, len(plan.furniture)):
        if len(kept) < size.furniture and piece.location not in {other.location for other in kept}:
            kept.append(piece)
    return tuple(sorted(kept, key=lambda piece: piece.id))


def _opens(piece: Furniture, draw: random.Random) -> bool:
    stuck = piece.kind in STUCK_KINDS and draw.random() < STUCK_RATE
    return piece.kind in wheel.openable_kinds() and not stuck


def _others(
    goal: Goal, plan: FloorPlan, furniture: tuple[Furniture, ...], count: int, draw: random.Random
) -> list[tuple[str, Furniture]]:
    """Distractors: other classes of the room, each where the placement tables allow it."""
    held = wheel.contents()
    places = [(kind, home) for home in furniture for kind in sorted(held[home.kind] & plan.objects)]
    places = [(kind, home) for kind, home in places if kind != goal.object]
    return [draw.choice(places) for _ in range(count if places else 0)]
