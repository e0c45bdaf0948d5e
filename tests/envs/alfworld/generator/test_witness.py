"""Names of entities, which the engine must share. That witnesses win is tested on the engine."""

import pytest

from envs.alfworld.generator.floor_plan import floor_plan
from envs.alfworld.generator.witness import entity_names


@pytest.mark.parametrize("hundreds", [0, 200, 300, 400])
def test_every_piece_of_furniture_is_called_what_it_is(hundreds):
    for scene in range(hundreds + 1, hundreds + 31):
        kinds = {piece.id: piece.kind.lower() for piece in floor_plan(scene).furniture}
        assert {id: name.split()[0] for id, name in entity_names(kinds).items()} == kinds


def test_entities_are_numbered_as_the_engine_does():
    ids = ["Mug_bar_1", "Mug_bar_2", "mug_bar_10", "Sink_bar_1_bar_SinkBasin", "Sink_bar_2"]
    assert entity_names(ids) == {
        "Mug_bar_1": "mug 3",
        "mug_bar_10": "mug 2",
        "Mug_bar_2": "mug 1",
        "Sink_bar_1_bar_SinkBasin": "sinkbasin 1",
        "Sink_bar_2": "sink 1",
    }
