"""What every household has: appliances that treat things, and a lamp to look at them under.

Classes are named as ALFRED names them; the game writes them in lower case.
"""

from dataclasses import dataclass

LAMP = "DeskLamp"
LAMP_STANDS = frozenset({"SideTable", "Desk", "Dresser", "Shelf", "CoffeeTable"})  # as in ALFRED's rooms


@dataclass(frozen=True)
class Treatment:
    """To `verb` a thing with the appliance makes it `state`; a class that allows it has the affordance."""

    verb: str
    state: str
    appliance: str
    affordance: str

    @property
    def task_type(self) -> str:
        """The task type that asks for it."""
        return f"pick_{self.verb}_then_place_in_recep"


TREATMENTS = (
    Treatment("clean", "clean", "SinkBasin", "Cleanable"),
    Treatment("heat", "hot", "Microwave", "Heatable"),
    Treatment("cool", "cool", "Fridge", "Coolable"),
)
