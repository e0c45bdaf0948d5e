"""Floor plans as the wheel's layouts state them."""

from envs.alfworld.generator.floor_plan import floor_plan


def test_a_floor_plan_is_read_from_the_layouts():
    plan = floor_plan(401)  # a bathroom: 8 pieces placed, and what is only named
    assert sum(piece.kind == "Shelf" for piece in plan.furniture) == 4
    kinds = {piece.kind for piece in plan.furniture}
    assert {"BathtubBasin", "SinkBasin", "TowelHolder", "HandTowelHolder", "ToiletPaperHanger"} <= kinds
    tub = next(piece for piece in plan.furniture if piece.kind == "BathtubBasin")
    assert tub.id == "Bathtub_bar__minus_00_dot_21_bar__plus_00_dot_36_bar__plus_00_dot_92_bar_BathtubBasin"
    assert tub.location == "loc_bar__minus_5_bar_4_bar_1_bar_30"  # -1.25 m, 1.0 m, 90 degrees, 30 degrees
    shelves = [piece.location for piece in plan.furniture if piece.kind == "Shelf"]
    assert len(set(shelves)) == 2  # three of the four are reached from one place
