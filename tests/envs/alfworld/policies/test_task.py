"""Tasks as goal sentences state them."""

import pytest

from envs.alfworld.policies.task import Task, read_task
from programs.errors import UserError


@pytest.mark.parametrize(
    ("sentence", "task"),
    [
        ("put a mug in desk", Task("put", "mug", "desk")),
        ("put some mug on desk.", Task("put", "mug", "desk")),
        ("put a clean mug in shelf", Task("clean", "mug", "shelf")),
        ("clean some mug and put it in shelf", Task("clean", "mug", "shelf")),
        ("put a hot mug in shelf", Task("heat", "mug", "shelf")),
        ("heat some mug and put it in shelf", Task("heat", "mug", "shelf")),
        ("put a cool mug in shelf", Task("cool", "mug", "shelf")),
        ("cool some mug and put it in shelf", Task("cool", "mug", "shelf")),
        ("put two mug in shelf", Task("two", "mug", "shelf")),
        ("find two mug and put them in shelf", Task("two", "mug", "shelf")),
        ("look at mug under the desklamp", Task("look", "mug", "desklamp")),
        ("examine the mug with the desklamp", Task("look", "mug", "desklamp")),
    ],
)
def test_every_goal_template_is_read(sentence, task):
    assert read_task(sentence) == task


@pytest.mark.parametrize("sentence", ["", "put a clean mug", "slice the bread", "put a mug in desk and sit"])
def test_other_sentences_are_refused(sentence):
    with pytest.raises(UserError, match="not a goal sentence"):
        read_task(sentence)
