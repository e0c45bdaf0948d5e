"""A plan that wins, read off the scene, in the engine's own commands."""

from collections import defaultdict
from collections.abc import Iterable

from envs.alfworld.generator.floor_plan import Furniture
from envs.alfworld.generator.goal import LOOK, Goal
from envs.alfworld.generator.scene import Object, Scene
from envs.alfworld.household import LAMP


def entity_names(ids: Iterable[str]) -> dict[str, str]:
    """What the engine calls each entity: its class in lower case and a number.

    alfworld numbers the entities of a class in reverse order of their lower-case ids, and calls what has
    "basin" in its id a basin. (alfworld/agents/utils/misc.py:Demangler)
    """
    classes = defaultdict(list)
    for id in sorted(ids, key=str.lower, reverse=True):
        prefix = id.lower().split("_bar_", 1)[0]
        classes[prefix + ("basin" if "basin" in id.lower() else "")].append(id)
    return {
        id: f"{name} {number}" for name, group in classes.items() for number, id in enumerate(group, start=1)
    }


def witness(scene: Scene, goal: Goal) -> list[str]:
    """Commands that lead from the start of the game to the goal."""
    return _Planner(scene, goal).plan()


class _Planner:
    def __init__(self, scene: Scene, goal: Goal) -> None:
        self.scene, self.goal = scene, goal
        ids = [piece.id for piece in scene.furniture] + [each.id for each in scene.objects]
        self.names = entity_names(ids)
        self.commands: list[str] = []
        self.location = ""
        self.open: set[Furniture] = set()

    def plan(self) -> list[str]:
        targets = [each for each in self.scene.objects if each.kind == self.goal.object][: self.goal.count]
        for target in targets:
            self.fetch(target)
            self.treat(target)
            if self.goal.task_type == LOOK:
                self.look(target)
            else:
                self.put(target)
        return self.commands

    def fetch(self, target: Object) -> None:
        self.approach(target.home)
        self.commands.append(f"take {self.names[target.id]} from {self.names[target.home.id]}")

    def treat(self, target: Object) -> None:
        if treatment := self.goal.treatment:
            appliance = self.first(treatment.appliance)
            self.approach(appliance, opening=False)
            self.commands.append(f"{treatment.verb} {self.names[target.id]} with {self.names[appliance.id]}")

    def look(self, target: Object) -> None:
        lamp = next(each for each in self.scene.objects if each.kind == LAMP)
        self.approach(lamp.home)
        self.commands.append(f"use {self.names[lamp.id]}")

    def put(self, target: Object) -> None:
        place = self.first(self.goal.place)
        self.approach(place)
        self.commands.append(f"move {self.names[target.id]} to {self.names[place.id]}")

    def approach(self, piece: Furniture, opening: bool = True) -> None:
        if piece.location != self.location:
            self.commands.append(f"go to {self.names[piece.id]}")
            self.location = piece.location
        if opening and piece in self.scene.openable and piece not in self.open:
            self.commands.append(f"open {self.names[piece.id]}")
            self.open.add(piece)

    def first(self, kind: str) -> Furniture:
        return next(piece for piece in self.scene.furniture if piece.kind == kind)
