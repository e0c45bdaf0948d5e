"""Goals: some for each task type and split, the unseen ones in rooms of their own."""

import pytest

from envs.alfworld.game import TASK_TYPES
from envs.alfworld.generator.goal import LOOK, goals


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_every_task_type_has_goals_in_every_split(task_type):
    train, unseen = goals(task_type, "train"), goals(task_type, "valid_unseen")
    assert goals(task_type, "valid_seen") == train
    assert len(unseen) >= 4
    assert 0.1 < len(unseen) / (len(train) + len(unseen)) < 0.35


def test_unseen_rooms_are_the_unseen_floor_plans_of_alfred():
    rooms = {
        scene % 100
        for task_type in TASK_TYPES
        for scenes in goals(task_type, "train").values()
        for scene in scenes
    }
    unseen = {scene % 100 for scenes in goals(LOOK, "valid_unseen").values() for scene in scenes}
    assert rooms == set(range(7, 31))
    assert unseen <= set(range(1, 7))
