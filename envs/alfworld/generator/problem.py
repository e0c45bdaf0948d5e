"""A scene and a goal as a PDDL problem of the ALFRED domain."""

from collections.abc import Iterable

from envs.alfworld.generator import wheel
from envs.alfworld.generator.goal import Goal
from envs.alfworld.generator.scene import Scene
from envs.alfworld.household import LAMP, TREATMENTS

START = "loc_bar_start"
DOMAIN_RTYPES = tuple(each.appliance for each in TREATMENTS)  # the domain's actions name these types
DOMAIN_OTYPES = ("Knife", "ButterKnife")


def write_problem(name: str, scene: Scene, goal: Goal) -> str:
    """The problem in PDDL; the agent starts in the middle of the room, before no furniture."""
    return "\n".join(
        [
            f"(define (problem {name})",
            "(:domain alfred)",
            "(:objects",
            *_declarations(scene, goal),
            ")",
            "(:init",
            f"(atLocation agent1 {START})",
            *_furniture_facts(scene),
            *_object_facts(scene),
            ")",
            _condition(goal),
            ")",
            "",
        ]
    )


def _declarations(scene: Scene, goal: Goal) -> Iterable[str]:
    kinds = {piece.kind for piece in scene.furniture} | {*DOMAIN_RTYPES}
    classes = {each.kind for each in scene.objects} | {*DOMAIN_OTYPES, goal.object}
    names = {
        "agent": ["agent1"],
        "location": sorted({START, *(piece.location for piece in scene.furniture)}),
        "receptacle": [piece.id for piece in scene.furniture],
        "object": [each.id for each in scene.objects],
        "rtype": [f"{kind}Type" for kind in sorted(kinds)],
        "otype": [f"{kind}Type" for kind in sorted(classes)],
    }
    return (f"{name} - {pddl_type}" for pddl_type, group in names.items() for name in group)


def _furniture_facts(scene: Scene) -> Iterable[str]:
    for piece in scene.furniture:
        yield f"(receptacleType {piece.id} {piece.kind}Type)"
        yield f"(receptacleAtLocation {piece.id} {piece.location})"
    yield from (f"(openable {piece.id})" for piece in scene.furniture if piece in scene.openable)
    classes = {each.kind for each in scene.objects}
    for kind in sorted({piece.kind for piece in scene.furniture}):
        yield from (
            f"(canContain {kind}Type {name}Type)" for name in sorted(wheel.contents()[kind] & classes)
        )


def _object_facts(scene: Scene) -> Iterable[str]:
    for each in scene.objects:
        yield f"(objectType {each.id} {each.kind}Type)"
        yield f"(inReceptacle {each.id} {each.home.id})"
        yield f"(objectAtLocation {each.id} {each.home.location})"
        yield from (f"({predicate} {each.id})" for predicate in _properties(each.kind))


def _properties(kind: str) -> Iterable[str]:
    yield "toggleable" if kind == LAMP else "pickupable"
    if kind in wheel.movable_receptacles():
        yield "isReceptacleObject"
    for affordance in ("Cleanable", "Heatable", "Coolable", "Sliceable"):
        if kind in wheel.affordance(affordance):
            yield affordance.lower()


def _condition(goal: Goal) -> str:
    return wheel.goal_condition(goal.task_type).format(obj=goal.object, recep=goal.place, toggle=goal.place)
