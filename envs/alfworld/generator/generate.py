"""New games of the six task types, each a pure function of (seed, size, split, task type, index)."""

import random

from envs.alfworld.game import SPLITS, TASK_TYPES, Game, Parameters
from envs.alfworld.generator import wheel
from envs.alfworld.generator.floor_plan import floor_plan
from envs.alfworld.generator.goal import LOOK, Goal, goals
from envs.alfworld.generator.problem import write_problem
from envs.alfworld.generator.scene import SIZES, draw_scene
from envs.alfworld.generator.witness import witness
from programs.errors import UserError


def generate(size: str, per_type: int, seed: int, split: str) -> list[Game]:
    """`per_type` games of each task type, the types in turn.

    Sizes: tiny (6 pieces of furniture), small (10), full (a whole ALFRED floor plan). Splits: train,
    valid_seen (the rooms and goals of train) and valid_unseen (rooms and pairs of object and place that
    train never has). UserError for less than a game per type, or as `draw_game`'s.
    """
    if per_type < 1:
        raise UserError(f"per_type must be at least 1, not {per_type}")
    return [draw_game(size, task, seed, split, index) for index in range(per_type) for task in TASK_TYPES]


def draw_game(size: str, task_type: str, seed: int, split: str, index: int) -> Game:
    """One game. UserError names an unknown size, split or task type."""
    for name, known in ((size, tuple(SIZES)), (split, SPLITS), (task_type, TASK_TYPES)):
        if name not in known:
            raise UserError(f"{name!r} is none of {', '.join(known)}")
    id = f"generated-{size}-{seed}/{split}/{task_type}/{index:05d}"
    draw = random.Random(id)
    goal = draw.choice(list(goals(task_type, split)))
    plan = floor_plan(draw.choice(goals(task_type, split)[goal]))
    scene = draw_scene(goal, plan, SIZES[size], draw)
    words = {"obj": goal.object.lower(), "recep": goal.place.lower(), "toggle": goal.place.lower()}
    return Game(
        id=id,
        split=split,
        task_type=task_type,
        goal=draw.choice(wheel.goal_texts(task_type)).format(**words),
        problem=write_problem(id.replace("/", "-"), scene, goal),
        parameters=_parameters(goal),
        size=size,
        witness=tuple(witness(scene, goal)),
    )


def _parameters(goal: Goal) -> Parameters:
    if goal.task_type == LOOK:
        return Parameters(goal.object, toggle_target=goal.place)
    return Parameters(goal.object, parent_target=goal.place)
