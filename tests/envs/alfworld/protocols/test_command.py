"""The engine's commands, and texts that are none."""

import pytest

from envs.alfworld.protocols.command import Command, read


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("go to bed 1", Command("go to", "bed 1")),
        ("take mug 1 from desk 2", Command("take", "mug 1", "desk 2")),
        ("move mug 1 to desk 2", Command("move", "mug 1", "desk 2")),
        ("clean mug 1 with sinkbasin 1", Command("clean", "mug 1", "sinkbasin 1")),
        ("use desklamp 1", Command("use", "desklamp 1")),
        ("examine mug 1", Command("examine", "mug 1")),
        ("inventory", Command("inventory")),
        ("put mug 1 in desk 2", None),
        ("go to", None),
        ("look\n", None),
        ("open drawer 1 with knife 1", None),
        ("Go to bed 1", None),
    ],
)
def test_commands(text, command):
    assert read(text) == command
